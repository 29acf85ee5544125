#include <cmath>
#include <string>
#include <string_view>

#include "encode/json.h"
#include "encode/typed.h"
#include "encode/typed_writer.h"

namespace braid {
namespace {

// The sink of typed_writer.h that keeps nothing: only what values are fit is of interest.
class NoSink {
 public:
  explicit NoSink(bool any_number) : any_number_(any_number) {}

  size_t Mark() const { return 0; }
  void Rollback(size_t) {}
  void Null() {}
  void Some() {}
  void Boolean(bool) {}
  void Integer(int64_t) {}
  bool Float(float value) { return any_number_ || std::isfinite(value); }
  bool Double(double value) { return any_number_ || std::isfinite(value); }
  void Text(std::string_view) {}
  void Bytes(ByteView) {}
  bool TextOf(const Type& type, ByteView value) {
    std::string text;
    AppendJsonValue(type, value, &text);
    return text[0] == '"';
  }
  void JsonOf(const Type&, ByteView) {}
  void BeginStruct() {}
  void Field(const TypedField&) {}
  void EndStruct() {}
  void BeginArray(int64_t) {}
  void Item() {}
  void EndArray(int64_t) {}
  void BeginMap(int64_t) {}
  void MapKey(std::string_view) {}
  void EndMap(int64_t) {}

 private:
  const bool any_number_;
};

}  // namespace

bool TypedSchema::Fits(const Change& change, bool any_number) const {
  if (change.row == RowKind::kRange) return false;
  if (change.after != nullptr && !IsWhole(change, *change.after)) return false;
  NoSink sink(any_number);
  return change.op == Op::kTruncate || TypedWriter(*this, change, &sink).WriteKey();
}

}  // namespace braid
