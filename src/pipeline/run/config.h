// All that a running pipeline is told. Plain data: control/ fills it from the configuration file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/node_capture.h"
#include "pipeline/run/kafka_config.h"
#include "shape/shape.h"

namespace braid {

struct HttpConfig {
  std::string host = "127.0.0.1";
  int port = 0;  // 0: no HTTP
};

struct BackfillConfig {
  bool bootstrap = true;  // of tables with a past that no log holds
  bool gaps = true;
  uint64_t rate_bytes = uint64_t{32} << 20;  // of SSTables, uncompressed, in a second; 0: no limit
};

struct Config {
  std::string path;  // of the file itself
  std::string name;
  std::vector<NodeFiles> nodes;
  NodeCapture::Tail tail = NodeCapture::Tail::kSynced;
  NodeCapture::OnCorruption on_corruption = NodeCapture::OnCorruption::kStop;
  NodeCapture::OnOverflow on_overflow = NodeCapture::OnOverflow::kDrop;
  uint64_t cdc_space_bytes = 0;  // cdc_total_space of the nodes; 0: Cassandra's default
  int64_t sync_slack_us = 30'000'000;
  int64_t schema_wait_us = 30'000'000;
  std::vector<std::string> exclude;  // keyspace.table.column
  uint64_t memory_bytes = uint64_t{512} << 20;
  uint64_t disk_bytes = uint64_t{20} << 30;
  std::string state;  // a directory
  uint32_t shards = 4;
  int64_t reorder_window_us = 0;
  bool publish_quorum = false;  // publish_when: quorum
  int64_t confirm_timeout_us = 30'000'000;
  int64_t purge_slack_us = int64_t{3} * 3600 * 1'000'000;
  int64_t retention_us = int64_t{7} * 86400 * 1'000'000;  // of the timeline; disk_bytes bounds it too
  BackfillConfig backfill;
  std::vector<StreamSpec> streams;  // empty: every captured table, whole, as "keyspace.table"
  HttpConfig http;
  std::optional<KafkaConfig> kafka;  // none: everything stays in this process and its `state`
};

// What the configuration says of the capture of one of its nodes; the rest is the host's to say.
NodeCapture::Options CaptureOptionsOf(const Config& config, const NodeFiles& files, NodeIndex node);

// Why what the node has of a table cannot be read, by the configuration alone; empty if it can.
std::string WhyNoSnapshot(const Config& config, const NodeFiles& files);

}  // namespace braid
