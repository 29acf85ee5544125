#include "base/result.h"

namespace braid {

const char* ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kIncomplete:
      return "incomplete";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kIoError:
      return "i/o error";
    case ErrorCode::kTransient:
      return "transient";
    case ErrorCode::kNoSpace:
      return "no space";
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
  }
  return "unknown";
}

}  // namespace braid
