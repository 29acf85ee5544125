#include "base/vint.h"

namespace braid {

void AppendVint(std::string* to, uint64_t value) {
  char bytes[kMaxVintBytes];
  to->append(bytes, StoreVint(bytes, value));
}

}  // namespace braid
