// A latching cursor over bytes: the way in which every decoder reads.
//
// A read that does not fit gives zero (or an empty view), and the cursor remembers where the first one failed; later
// reads give zero too. So a decoder reads a whole record in a straight line and asks ok() once, before it believes any
// of it. Sizes are checked against what is left before anything is taken: no read leaves [begin, end).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/vint.h"

namespace braid {

class Cursor {
 public:
  explicit Cursor(ByteView bytes)
      // An empty view may be of no address at all, which would read as "no failure" below.
      : begin_(bytes.data() == nullptr ? "" : bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  // False once any read did not fit or Fail() was called.
  bool ok() const { return failed_at_ == nullptr; }
  // Offset of the first failure from the beginning; only where !ok().
  size_t failed_offset() const { return static_cast<size_t>(failed_at_ - begin_); }
  // Why it failed: a static string. "the bytes end too early" unless Fail() gave another. Only where !ok().
  const char* reason() const { return reason_; }

  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  const char* position() const { return at_; }
  bool AtEnd() const { return at_ == end_; }

  // Latches a failure that the decoder found itself. `reason` must be a static string. The first one is kept.
  void Fail(const char* reason) {
    if (failed_at_ == nullptr) {
      failed_at_ = at_;
      reason_ = reason;
    }
    at_ = end_;
  }

  uint8_t U8() { return Fixed<uint8_t>(); }
  uint16_t U16() { return Fixed<uint16_t>(); }
  int16_t I16() { return Fixed<int16_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  int32_t I32() { return Fixed<int32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  int64_t I64() { return Fixed<int64_t>(); }

  uint64_t Vint() {
    if (at_ != end_ && static_cast<int8_t>(*at_) >= 0) [[likely]]
      return static_cast<uint8_t>(*at_++);
    return LongVint();
  }
  int64_t SignedVint() { return UnZigZag(Vint()); }

  // The next `size` bytes, or an empty view (and a failure) if there are fewer. Lives as long as the input.
  ByteView Bytes(uint64_t size) {
    if (size > remaining()) [[unlikely]] {
      Fail(kEndsEarly);
      return {};
    }
    ByteView bytes(at_, size);
    at_ += size;
    return bytes;
  }
  // A vint length, then that many bytes.
  ByteView VintBytes() { return Bytes(Vint()); }
  void Skip(uint64_t size) { Bytes(size); }

 private:
  static constexpr const char* kEndsEarly = "the bytes end too early";

  template <typename Int>
  Int Fixed() {
    if (remaining() < sizeof(Int)) [[unlikely]] {
      Fail(kEndsEarly);
      return 0;
    }
    const Int value = LoadBigEndian<Int>(at_);
    at_ += sizeof(Int);
    return value;
  }

  uint64_t LongVint() {
    if (at_ == end_) {
      Fail(kEndsEarly);
      return 0;
    }
    const int extra = std::countl_one(static_cast<uint8_t>(*at_));
    if (remaining() < static_cast<size_t>(extra) + 1) {
      Fail(kEndsEarly);
      return 0;
    }
    uint64_t value = extra >= 7 ? 0 : static_cast<uint8_t>(*at_) & (0xFFu >> extra);
    if (remaining() > 8) [[likely]] {
      // One load takes the bytes that follow the first, whatever their number.
      const uint64_t rest = LoadBigEndian<uint64_t>(at_ + 1);
      value = extra == 8 ? rest : (value << (8 * extra)) | (rest >> (8 * (8 - extra)));
    } else {
      for (int i = 1; i <= extra; ++i) value = (value << 8) | static_cast<uint8_t>(at_[i]);
    }
    at_ += extra + 1;
    return value;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* failed_at_ = nullptr;
  const char* reason_ = kEndsEarly;
};

}  // namespace braid
