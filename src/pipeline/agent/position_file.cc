#include "pipeline/agent/position_file.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/vint.h"
#include "codec/sealed_file.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr SealedForm kForm = {.magic = "BRAP", .version = 1, .what = "agent's position"};
constexpr const char* kCure =
    "; remove the file: the log is then put into Kafka again from its oldest segment on, which changes nothing that is "
    "known already";

ByteView ViewOf(const HostId& host) {
  return {reinterpret_cast<const char*>(host.data()), host.size()};
}

Result<Position> Decode(ByteView content, const HostId& host, NodeIndex node) {
  Cursor from(content);
  const ByteView named = from.Bytes(host.size());
  Position position;
  position.node = node;
  position.segment.value = from.SignedVint();
  position.offset = from.Vint();
  TRY(FinishRecord(&from, kForm.what));
  if (named != ViewOf(host)) return Corrupt("it is another node's");
  return position;
}

}  // namespace

Result<std::optional<Position>> ReadAgentPosition(FileSystem* files, const std::string& path, const HostId& host,
                                                  NodeIndex node) {
  const auto content = ReadSealed(files, path, kForm);
  if (!content.has_value()) {
    if (content.error().code == ErrorCode::kNotFound) return std::optional<Position>();
    Error error = content.error();
    if (error.code == ErrorCode::kCorrupt) error.message += kCure;
    return error;
  }
  const auto position = Decode(*content, host, node);
  if (!position.has_value()) return Corrupt(path + ": " + position.error().message + kCure);
  return std::optional<Position>(*position);
}

Status WriteAgentPosition(FileSystem* files, const std::string& path, const HostId& host, const Position& position) {
  std::string content(ViewOf(host));
  AppendSignedVint(&content, position.segment.value);
  AppendVint(&content, position.offset);
  return WriteSealed(files, path, kForm, content);
}

}  // namespace braid
