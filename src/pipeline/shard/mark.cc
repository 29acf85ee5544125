#include "pipeline/shard/mark.h"

#include <algorithm>

#include "base/cursor.h"
#include "base/vint.h"
#include "codec/gap.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr ByteView kMagic = "BRSM";
constexpr uint8_t kVersion = 3;
constexpr uint8_t kFirstWithHosts = 3;
constexpr const char* kWhat = "shard mark";

void AppendPlace(std::string* to, const Position& position) {
  AppendSignedVint(to, position.segment.value);
  AppendVint(to, position.offset);
}
Position ReadPlace(Cursor* from, NodeIndex node) {
  Position position;
  position.node = node;
  position.segment.value = from->SignedVint();
  position.offset = from->Vint();
  return position;
}

NodeIndex ReadNode(Cursor* from) {
  const uint64_t index = from->Vint();
  if (index > UINT16_MAX) from->Fail("a node's index is too large");
  return {static_cast<uint16_t>(index)};
}

TableId ReadTable(Cursor* from) {
  const ByteView bytes = from->Bytes(16);
  return from->ok() ? TableId::FromBytes(bytes) : TableId();
}

void AppendBytes(std::string* to, ByteView bytes) {
  AppendVint(to, bytes.size());
  to->append(bytes);
}

void AppendTruncated(std::string* to, const ShardMark::Truncated& truncated) {
  AppendVint(to, truncated.count);
  AppendVint(to, truncated.cuts.size());
  for (const auto& [node, cut] : truncated.cuts) {
    AppendVint(to, node.value);
    AppendVint(to, cut.count);
    AppendPlace(to, cut.at);
  }
}

ShardMark::Truncated ReadTruncated(Cursor* from) {
  ShardMark::Truncated truncated;
  truncated.count = from->Vint();
  for (uint64_t left = from->Vint(); left > 0 && from->ok(); --left) {
    const NodeIndex node = ReadNode(from);
    ShardMark::Cut& cut = truncated.cuts[node];
    cut.count = from->Vint();
    cut.at = ReadPlace(from, node);
  }
  return truncated;
}

void ReadHosts(Cursor* from, ShardMark* mark) {
  mark->input.value = static_cast<int64_t>(from->Vint());
  mark->epoch = from->Vint();
  for (uint64_t left = from->Vint(); left > 0 && from->ok(); --left) {
    ShardMark::Host& host = mark->hosts.emplace_back();
    const ByteView id = from->Bytes(host.id.size());
    if (from->ok()) std::ranges::copy(id, host.id.begin());
    host.label = from->VintBytes();
  }
  mark->changelog.value = static_cast<int64_t>(from->Vint());
  mark->restoring = from->U8() != 0;
  mark->committed_us = from->SignedVint();
}

}  // namespace

std::string EncodeMark(const ShardMark& mark) {
  std::string bytes(kMagic);
  bytes.push_back(static_cast<char>(kVersion));
  AppendVint(&bytes, mark.commit);
  AppendVint(&bytes, mark.timeline_end);
  AppendVint(&bytes, mark.nodes.size());
  for (const ShardMark::Node& node : mark.nodes) {
    AppendVint(&bytes, node.node.value);
    AppendPlace(&bytes, node.position);
    AppendSignedVint(&bytes, node.watermark.us);
    bytes.push_back(node.retired ? 1 : 0);
  }
  AppendVint(&bytes, mark.truncated.size());
  for (const auto& [table, truncated] : mark.truncated) {
    bytes.append(table.view());
    AppendTruncated(&bytes, truncated);
  }
  AppendVint(&bytes, mark.schemas.size());
  for (const auto& [table, schema] : mark.schemas) {
    bytes.append(table.view());
    AppendBigEndian(&bytes, schema.value);
  }
  AppendVint(&bytes, mark.gaps.size());
  std::string record;
  for (const Gap& gap : mark.gaps) {
    record.clear();
    AppendGap(&record, gap);
    AppendBytes(&bytes, record);
  }
  AppendVint(&bytes, mark.snapshots.size());
  for (const auto& [table, snapshot] : mark.snapshots) {
    bytes.append(table.view());
    AppendVint(&bytes, snapshot.task);
    bytes.push_back(snapshot.done ? 1 : 0);
    AppendBytes(&bytes, snapshot.next);
    AppendBytes(&bytes, snapshot.known);
  }
  AppendVint(&bytes, static_cast<uint64_t>(mark.input.value));
  AppendVint(&bytes, mark.epoch);
  AppendVint(&bytes, mark.hosts.size());
  for (const ShardMark::Host& host : mark.hosts) {
    bytes.append(reinterpret_cast<const char*>(host.id.data()), host.id.size());
    AppendBytes(&bytes, host.label);
  }
  AppendVint(&bytes, static_cast<uint64_t>(mark.changelog.value));
  bytes.push_back(mark.restoring ? 1 : 0);
  AppendSignedVint(&bytes, mark.committed_us);
  return bytes;
}

Result<ShardMark> DecodeMark(ByteView bytes) {
  ShardMark mark;
  if (bytes.empty()) return mark;
  Cursor from(bytes);
  TRY(ReadMagic(&from, kMagic, kVersion, kWhat));
  const auto version = static_cast<uint8_t>(bytes[kMagic.size()]);
  mark.commit = from.Vint();
  mark.timeline_end = from.Vint();
  for (uint64_t left = from.Vint(); left > 0 && from.ok(); --left) {
    ShardMark::Node& node = mark.nodes.emplace_back();
    node.node = ReadNode(&from);
    node.position = ReadPlace(&from, node.node);
    node.watermark.us = from.SignedVint();
    node.retired = from.U8() != 0;
  }
  for (uint64_t left = from.Vint(); left > 0 && from.ok(); --left) {
    const TableId table = ReadTable(&from);
    mark.truncated[table] = ReadTruncated(&from);
  }
  for (uint64_t left = from.Vint(); left > 0 && from.ok(); --left) {
    const TableId table = ReadTable(&from);
    mark.schemas[table].value = from.U64();
  }
  for (uint64_t left = from.Vint(); left > 0 && from.ok(); --left) {
    const ByteView record = from.VintBytes();
    if (!from.ok()) break;
    ASSIGN_OR_RETURN(Gap gap, DecodeGap(record));
    mark.gaps.push_back(std::move(gap));
  }
  for (uint64_t left = from.Vint(); left > 0 && from.ok(); --left) {
    const TableId table = ReadTable(&from);
    ShardMark::Snapshot& snapshot = mark.snapshots[table];
    snapshot.task = from.Vint();
    snapshot.done = from.U8() != 0;
    snapshot.next = from.VintBytes();
    snapshot.known = from.VintBytes();
  }
  if (version >= kFirstWithHosts) ReadHosts(&from, &mark);
  TRY(FinishRecord(&from, kWhat));
  return mark;
}

}  // namespace braid
