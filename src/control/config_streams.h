// The `streams` of the configuration.
#pragma once

#include <string>
#include <vector>

#include "control/section.h"
#include "shape/shape.h"

namespace braid {

struct StreamFiles {
  std::string directory;  // from which relative paths are taken
  bool read_keys = true;  // false: key files are not opened, and hmac_key stays empty
};

// Reads the list under the key `streams` of `top`, if it is there; notes mistakes and gives what is right.
void ReadStreams(const Section& top, const StreamFiles& files, Mistakes* mistakes, std::vector<StreamSpec>* streams);

}  // namespace braid
