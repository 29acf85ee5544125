#include "transport/message/snapshot_record.h"

#include "base/cursor.h"
#include "base/vint.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr uint8_t kVersion = 1;
constexpr const char* kRequestWhat = "snapshot request";
constexpr const char* kRecordWhat = "snapshot record";

constexpr uint8_t kPiece = 1;
constexpr uint8_t kEnd = 2;

constexpr uint8_t kFirst = 1;
constexpr uint8_t kLast = 2;
constexpr uint8_t kWhole = 4;

}  // namespace

std::string EncodeSnapshotRequest(const SnapshotRequest& request) {
  std::string bytes;
  bytes.push_back(static_cast<char>(kVersion));
  AppendVint(&bytes, request.shard);
  AppendVint(&bytes, request.attempt);
  bytes.append(request.table.view());
  AppendSignedVint(&bytes, request.after.value);
  AppendSignedVint(&bytes, request.through.value);
  return bytes;
}

Result<SnapshotRequest> DecodeSnapshotRequest(ByteView bytes) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kVersion, kRequestWhat));
  SnapshotRequest request;
  request.shard = static_cast<uint32_t>(from.Vint());
  request.attempt = from.Vint();
  const ByteView table = from.Bytes(sizeof(TableId));
  if (from.ok()) request.table = TableId::FromBytes(table);
  request.after.value = from.SignedVint();
  request.through.value = from.SignedVint();
  TRY(FinishRecord(&from, kRequestWhat));
  return request;
}

void AppendSnapshotRecord(std::string* to, const SnapshotRecord& record) {
  to->push_back(static_cast<char>(kVersion));
  const bool is_piece = record.kind == SnapshotRecord::Kind::kPiece;
  to->push_back(static_cast<char>(is_piece ? kPiece : kEnd));
  AppendVint(to, record.attempt);
  if (!is_piece) {
    to->append(record.missing);
    return;
  }
  to->push_back(
      static_cast<char>((record.first ? kFirst : 0) | (record.last ? kLast : 0) | (record.whole ? kWhole : 0)));
  to->append(record.bytes);
}

Result<SnapshotRecord> DecodeSnapshotRecord(ByteView bytes) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kVersion, kRecordWhat));
  SnapshotRecord record;
  const uint8_t kind = from.U8();
  record.attempt = from.Vint();
  if (kind == kPiece) {
    const uint8_t flags = from.U8();
    record.first = (flags & kFirst) != 0;
    record.last = (flags & kLast) != 0;
    record.whole = (flags & kWhole) != 0;
    record.bytes = from.Bytes(from.remaining());
  } else if (kind == kEnd) {
    record.kind = SnapshotRecord::Kind::kEnd;
    record.missing = from.Bytes(from.remaining());
  } else if (from.ok()) {
    return Error{ErrorCode::kUnsupported,
                 "a snapshot record of a kind that this Braid does not know; a newer one wrote it: upgrade the workers "
                 "before the agents"};
  }
  TRY(FinishRecord(&from, kRecordWhat));
  return record;
}

}  // namespace braid
