// Within pipeline/agent: how far of a node's log the brokers have acknowledged. Layout: docs/formats/agent-position.md.
#pragma once

#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "model/position.h"
#include "transport/message/record.h"

namespace braid {

// None if nothing was kept yet. `node` is the index that the position gets. Errors, with the path and the cure:
// kCorrupt (also if the file is another node's), kUnsupported (version), kIoError.
Result<std::optional<Position>> ReadAgentPosition(FileSystem* files, const std::string& path, const HostId& host,
                                                  NodeIndex node);
// Replaces the file. Errors: kIoError, kNoSpace.
Status WriteAgentPosition(FileSystem* files, const std::string& path, const HostId& host, const Position& position);

}  // namespace braid
