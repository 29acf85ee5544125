// The program's version.
#pragma once

namespace braid {

inline constexpr const char kVersion[] = "0.1.0";

}  // namespace braid
