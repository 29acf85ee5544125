#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace braid::internal {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "braid: internal error: CHECK(%s) failed at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace braid::internal
