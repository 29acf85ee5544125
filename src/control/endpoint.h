// An address and a port, as people write them. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace braid {

struct Endpoint {
  std::string host;  // a name or a numeric address, an IPv6 one without its brackets
  int port = 0;      // 1 to 65535
};

// "localhost:9092", "127.0.0.1:8080", "[::1]:8080". kInvalidArgument says what is wrong, without the place and what to
// do.
Result<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace braid
