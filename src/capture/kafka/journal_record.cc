#include "capture/kafka/journal_record.h"

#include "base/cursor.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr uint8_t kVersion = 1;
constexpr const char* kWhat = "schema journal record";

}  // namespace

void AppendToJournalRecord(const SchemaRecord& record, std::string* value) {
  if (value->empty()) value->push_back(static_cast<char>(kVersion));
  AppendSchemaRecord(value, record);
}

Status DecodeJournalRecord(ByteView value, std::vector<SchemaRecord>* records) {
  Cursor from(value);
  TRY(ReadVersion(&from, kVersion, kWhat));
  return DecodeSchemaRecords(value.substr(from.offset()), kWhat, records);
}

}  // namespace braid
