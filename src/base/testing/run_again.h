// A test that needs another process runs its own program again.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace braid {

// Runs this test program again with only the test `filter` (also a DISABLED_ one) and these variables in its
// environment. Gives its exit status, or 128 and the number of the signal that ended it.
int RunThisProgramAgain(const std::string& filter, const std::vector<std::pair<std::string, std::string>>& variables);

}  // namespace braid
