// CHECK: for what we ourselves did wrong. On in every build; never for input.
#pragma once

namespace braid::internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}  // namespace braid::internal

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::braid::internal::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)
