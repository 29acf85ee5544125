// What a call that the world can make fail returns.
//
// `Result<T>` and `Status` carry an `Error` for what the world does wrong: files, bytes, users. What we do wrong
// ourselves is a CHECK (base/check.h). No exception crosses a room.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace braid {

// Each code is a different *reaction* of the caller, not a different cause.
enum class ErrorCode {
  kIncomplete,       // the bytes end too early; a live file may still grow: wait, or report if it is closed
  kCorrupt,          // the bytes contradict their format or checksum: report, then stop or skip
  kUnsupported,      // well-formed, but of a kind that this program does not read: say so and stop
  kNotFound,         // what was asked for is not there
  kIoError,          // the operating system refused
  kTransient,        // may succeed if tried again
  kNoSpace,          // our own disk is full: keep what is there, wait, say so
  kInvalidArgument,  // the user asked for something that makes no sense
};

// The code's name as messages show it, e.g. "corrupt". Never fails; static lifetime.
const char* ErrorCodeName(ErrorCode code);

struct Error {
  ErrorCode code;
  // One line: what is wrong, where (file, offset, table) and what to do about it.
  std::string message;

  // The same error with `where: ` put before its message.
  Error At(const std::string& where) const { return Error{code, where + ": " + message}; }
};

// A T or an Error. Derives from tl::expected only to be [[nodiscard]] as a class.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  // An Error converts by itself, so that `return Error{...}` reads well.
  Result(Error error)
      : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)
};

using Status = Result<void>;

inline Error Incomplete(std::string message) {
  return {ErrorCode::kIncomplete, std::move(message)};
}
inline Error Corrupt(std::string message) {
  return {ErrorCode::kCorrupt, std::move(message)};
}
inline Error Unsupported(std::string message) {
  return {ErrorCode::kUnsupported, std::move(message)};
}
inline Error NotFound(std::string message) {
  return {ErrorCode::kNotFound, std::move(message)};
}
inline Error IoError(std::string message) {
  return {ErrorCode::kIoError, std::move(message)};
}
inline Error NoSpace(std::string message) {
  return {ErrorCode::kNoSpace, std::move(message)};
}
inline Error InvalidArgument(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

}  // namespace braid

#define BRAID_CONCAT_INNER(a, b) a##b
#define BRAID_CONCAT(a, b) BRAID_CONCAT_INNER(a, b)

// Returns the error of `expression`, a Status or Result whose value is not wanted, from the enclosing function.
#define TRY(expression)                                                \
  do {                                                                 \
    auto&& try_result = (expression);                                  \
    if (!try_result.has_value()) return std::move(try_result).error(); \
  } while (false)

// Binds the value of `expression` to `declaration`, or returns its error from the enclosing function.
#define ASSIGN_OR_RETURN(declaration, expression)                     \
  auto&& BRAID_CONCAT(assign_result_, __LINE__) = (expression);       \
  if (!BRAID_CONCAT(assign_result_, __LINE__).has_value()) {          \
    return std::move(BRAID_CONCAT(assign_result_, __LINE__)).error(); \
  }                                                                   \
  declaration = *std::move(BRAID_CONCAT(assign_result_, __LINE__))
