#include "codec/commit.h"

#include <fmt/format.h>

#include <limits>

#include "base/checksum.h"
#include "base/cursor.h"
#include "base/vint.h"
#include "codec/parts.h"
#include "codec/schema.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr ByteView kMagic = "BRCM";
constexpr uint8_t kVersion = 1;
constexpr const char* kWhat = "commit";
constexpr size_t kChecksumBytes = 8;

// A size with a flag in its lowest bit, then the bytes.
void AppendFlaggedBytes(std::string* to, ByteView bytes, bool flag) {
  AppendVint(to, (static_cast<uint64_t>(bytes.size()) << 1) | (flag ? 1 : 0));
  to->append(bytes);
}

ByteView ReadFlaggedBytes(Cursor* from, bool* flag) {
  const uint64_t head = from->Vint();
  *flag = (head & 1) != 0;
  return from->Bytes(head >> 1);
}

uint32_t ReadU32Vint(Cursor* from) {
  const uint64_t value = from->Vint();
  if (value > std::numeric_limits<uint32_t>::max()) from->Fail("a number is too large");
  return static_cast<uint32_t>(value);
}

Status ReadSchemas(Cursor* from, Commit* commit) {
  const size_t count = codec::ReadCount(from, 1);
  for (size_t i = 0; i < count; ++i) {
    const ByteView bytes = from->VintBytes();
    if (!from->ok()) return CorruptRecord(*from, kWhat);
    auto schema = DecodeTableSchema(bytes);
    if (!schema.has_value()) return schema.error().At(kWhat);
    commit->schemas.push_back(*std::move(schema));
  }
  return {};
}

void ReadState(Cursor* from, Commit* commit) {
  const size_t count = codec::ReadCount(from, 1);
  for (size_t i = 0; i < count && from->ok(); ++i) {
    StateWrite& write = commit->state.emplace_back();
    write.key = ReadFlaggedBytes(from, &write.erased);
    if (!write.erased) write.value = from->VintBytes();
  }
}

void ReadTimers(Cursor* from, Commit* commit) {
  const size_t count = codec::ReadCount(from, 2);
  for (size_t i = 0; i < count && from->ok(); ++i) {
    Timer& timer = commit->timers.emplace_back();
    timer.due = UnixSeconds{from->SignedVint()};
    timer.key = ReadFlaggedBytes(from, &timer.cancelled);
  }
}

void ReadChanges(Cursor* from, Commit* commit) {
  commit->first_sequence.epoch = from->Vint();
  commit->first_sequence.partition = ReadU32Vint(from);
  commit->first_sequence.n = from->Vint();
  const size_t count = codec::ReadCount(from, 1);
  for (size_t i = 0; i < count && from->ok(); ++i) commit->changes.emplace_back(from->VintBytes());
}

// The record without its checksum, which must fit.
Result<ByteView> Checked(ByteView bytes) {
  if (bytes.size() < kChecksumBytes) return Corrupt(fmt::format("{}: has only {} bytes", kWhat, bytes.size()));
  const ByteView body = bytes.substr(0, bytes.size() - kChecksumBytes);
  const auto checksum = LoadBigEndian<uint64_t>(bytes.data() + body.size());
  if (Hash64(body) != checksum) {
    return Corrupt(fmt::format("{}: its {} bytes do not fit their checksum", kWhat, bytes.size()));
  }
  return body;
}

}  // namespace

void AppendCommit(std::string* to, const Commit& commit) {
  const size_t begin = to->size();
  to->append(kMagic);
  to->push_back(static_cast<char>(kVersion));
  AppendVint(to, commit.shard);
  AppendVint(to, commit.number);
  AppendVint(to, commit.positions.size());
  for (const SourcePosition& source : commit.positions) codec::AppendPosition(to, source.position);
  AppendVint(to, commit.schemas.size());
  std::string schema_bytes;
  for (const TableSchemaPtr& schema : commit.schemas) {
    schema_bytes.clear();
    AppendTableSchema(&schema_bytes, *schema);
    codec::AppendVintBytes(to, schema_bytes);
  }
  AppendVint(to, commit.state.size());
  for (const StateWrite& write : commit.state) {
    AppendFlaggedBytes(to, write.key, write.erased);
    if (!write.erased) codec::AppendVintBytes(to, write.value);
  }
  AppendVint(to, commit.timers.size());
  for (const Timer& timer : commit.timers) {
    AppendSignedVint(to, timer.due.s);
    AppendFlaggedBytes(to, timer.key, timer.cancelled);
  }
  AppendVint(to, commit.first_sequence.epoch);
  AppendVint(to, commit.first_sequence.partition);
  AppendVint(to, commit.first_sequence.n);
  AppendVint(to, commit.changes.size());
  for (const std::string& change : commit.changes) codec::AppendVintBytes(to, change);
  AppendBigEndian<uint64_t>(to, Hash64(ByteView(*to).substr(begin)));
}

Result<Commit> DecodeCommit(ByteView bytes) {
  // Magic and version first: of a newer form the checksum may stand elsewhere.
  Cursor head(bytes);
  TRY(ReadMagic(&head, kMagic, kVersion, kWhat));
  ASSIGN_OR_RETURN(const ByteView body, Checked(bytes));
  Cursor from(body);
  from.Skip(head.offset());
  Commit commit;
  commit.shard = ReadU32Vint(&from);
  commit.number = from.Vint();
  const size_t positions = codec::ReadCount(&from, 3);
  for (size_t i = 0; i < positions && from.ok(); ++i) commit.positions.push_back({codec::ReadPosition(&from)});
  TRY(ReadSchemas(&from, &commit));
  ReadState(&from, &commit);
  ReadTimers(&from, &commit);
  ReadChanges(&from, &commit);
  TRY(FinishRecord(&from, kWhat));
  return commit;
}

}  // namespace braid
