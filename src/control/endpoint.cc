#include "control/endpoint.h"

#include <algorithm>
#include <charconv>

#include "control/config_keys.h"

namespace braid {

Result<Endpoint> ParseEndpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  std::string host(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool numeric = host.find(':') != std::string::npos;
  const bool good_host = !host.empty() && host.size() < 256 && std::all_of(host.begin(), host.end(), [&](char c) {
    return IsNameCharacter(c) || (numeric && (c == ':' || c == '%'));
  });
  if (!good_host || (numeric && !bracketed)) return InvalidArgument("must be ADDRESS:PORT");
  int port = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + colon + 1, last, port);
  if (error != std::errc() || end != last || port < 1 || port > 65535) {
    return InvalidArgument("the port after the colon must be a number from 1 to 65535");
  }
  return Endpoint{.host = std::move(host), .port = port};
}

}  // namespace braid
