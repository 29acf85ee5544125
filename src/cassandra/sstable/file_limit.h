// How many files this process may have open.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace braid {

// Sees to it that `more` files can be opened, and a few for others: raises the soft limit as far as the hard one lets
// it. `what` is for the message, e.g. "the 300 SSTables of /data/ks/t". Error: kIoError, which says which limit to
// raise to what. For the whole process; thread-safe.
Status MakeRoomForFiles(uint64_t more, const std::string& what);

}  // namespace braid
