#include "base/failpoint.h"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace braid::internal {
namespace {

// What BRAID_FAILPOINT asks for.
struct Wish {
  std::string name;
  uint64_t nth = 1;

  Wish() {
    const char* text = std::getenv("BRAID_FAILPOINT");
    if (text == nullptr) return;
    name = text;
    const size_t colon = name.rfind(':');
    if (colon == std::string::npos) return;
    nth = std::strtoull(name.c_str() + colon + 1, nullptr, 10);
    name.resize(colon);
  }
};

const Wish& TheWish() {
  static const Wish wish;
  return wish;
}

std::atomic<uint64_t> times_reached = 0;

}  // namespace

std::atomic<bool> failpoints_armed = !TheWish().name.empty();

void ReachFailpoint(const char* name) {
  const Wish& wish = TheWish();
  if (wish.name != name) return;
  if (times_reached.fetch_add(1) + 1 == wish.nth) std::raise(SIGKILL);
}

}  // namespace braid::internal
