#include "pipeline/run/node_table.h"

#include <fmt/format.h>

#include "base/cursor.h"
#include "base/vint.h"
#include "codec/sealed_file.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr SealedForm kForm = {.magic = "BRPI", .version = 1, .what = "pipeline file"};

void AppendText(std::string* to, const std::string& text) {
  AppendVint(to, text.size());
  to->append(text);
}

Result<PipelineIdentity> Decode(ByteView content) {
  Cursor from(content);
  PipelineIdentity identity;
  identity.epoch = from.Vint();
  const uint64_t shards = from.Vint();
  if (shards == 0 || shards > UINT16_MAX) from.Fail("a number of shards that cannot be");
  identity.shards = static_cast<uint32_t>(shards);
  const uint64_t nodes = from.Vint();
  if (nodes > UINT16_MAX) from.Fail("too many nodes");
  for (uint64_t i = 0; i < nodes && from.ok(); ++i) {
    KnownNode& node = identity.nodes.emplace_back();
    node.host_id = from.VintBytes();
    node.name = from.VintBytes();
    node.retired = from.U8() != 0;
  }
  TRY(FinishRecord(&from, kForm.what));
  return identity;
}

}  // namespace

NodeIndex PipelineIdentity::Register(const std::string& name, const std::string& host_id) {
  KnownNode* found = nullptr;
  for (KnownNode& node : nodes) {
    const bool same = host_id.empty() ? node.name == name && !node.retired : node.host_id == host_id;
    if (same) found = &node;
  }
  if (found == nullptr && !host_id.empty()) {
    for (KnownNode& node : nodes) {
      if (node.host_id.empty() && node.name == name && !node.retired) found = &node;
    }
  }
  if (found == nullptr) found = &nodes.emplace_back();
  found->name = name;
  if (!host_id.empty()) found->host_id = host_id;
  return {static_cast<uint16_t>(found - nodes.data())};
}

std::string IdentityPath(const std::string& state) {
  return state + "/pipeline";
}
std::string LockPath(const std::string& state) {
  return state + "/lock";
}
std::string SchemaLogPath(const std::string& state) {
  return state + "/schemas";
}
std::string ShardStatePath(const std::string& state, uint32_t shard) {
  return fmt::format("{}/shards/{:03}", state, shard);
}
std::string TimelinePath(const std::string& state, uint32_t shard) {
  return fmt::format("{}/timeline/{:03}", state, shard);
}
std::string LetGoPath(const std::string& state, NodeIndex node) {
  return fmt::format("{}/let-go/{}", state, node.value);
}

std::string RequestsPath(const std::string& state) {
  return state + "/requests";
}

Result<PipelineIdentity> ReadIdentity(FileSystem* files, const std::string& state) {
  const std::string path = IdentityPath(state);
  const auto content = ReadSealed(files, path, kForm);
  if (!content.has_value() && content.error().code == ErrorCode::kNotFound) {
    return NotFound(fmt::format("{} holds no pipeline yet; it is made by the first braid run", state));
  }
  TRY(content);
  auto identity = Decode(*content);
  if (!identity.has_value()) return identity.error().At(path);
  return identity;
}

Status WriteIdentity(FileSystem* files, const std::string& state, const PipelineIdentity& identity) {
  std::string content;
  AppendVint(&content, identity.epoch);
  AppendVint(&content, identity.shards);
  AppendVint(&content, identity.nodes.size());
  for (const KnownNode& node : identity.nodes) {
    AppendText(&content, node.host_id);
    AppendText(&content, node.name);
    content.push_back(node.retired ? 1 : 0);
  }
  return WriteSealed(files, IdentityPath(state), kForm, content);
}

}  // namespace braid
