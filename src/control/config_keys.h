// The groups of the configuration and their keys, in the order of docs/configuration.md.
#pragma once

#include <array>
#include <string_view>

#include "control/section.h"

namespace braid {

inline constexpr auto kTopKeyNames = std::to_array<std::string_view>(
    {"name", "source", "memory", "disk", "state", "shards", "reorder_window", "publish_when", "confirm_timeout",
     "purge_slack", "retention", "backfill", "kafka", "streams", "http"});
inline constexpr auto kSourceKeyNames =
    std::to_array<std::string_view>({"kind", "nodes", "tail", "exclude", "on_corruption", "on_overflow",
                                     "cdc_total_space", "sync_slack", "schema_wait"});
inline constexpr auto kNodeKeyNames = std::to_array<std::string_view>({"name", "home", "cdc_raw", "commitlog", "data"});
inline constexpr auto kStreamKeyNames = std::to_array<std::string_view>(
    {"name", "table", "tables", "where", "columns", "hmac_key_file", "topic", "format", "nested", "tombstones",
     "truncate", "incomplete", "partitions", "retention", "cleanup", "properties"});
inline constexpr auto kColumnsKeyNames = std::to_array<std::string_view>({"include", "exclude", "mask"});
inline constexpr auto kBackfillKeyNames = std::to_array<std::string_view>({"bootstrap", "gaps", "rate"});
inline constexpr auto kKafkaKeyNames =
    std::to_array<std::string_view>({"brokers", "properties", "replicas", "mutations", "changelog", "schemas", "gaps",
                                     "snapshots", "group", "guarantee", "commit_interval", "topics", "registry"});
inline constexpr auto kMutationsKeyNames = std::to_array<std::string_view>({"topic", "retention", "compression"});
inline constexpr auto kOwnTopicKeyNames = std::to_array<std::string_view>({"topic"});
inline constexpr auto kTopicsKeyNames =
    std::to_array<std::string_view>({"format", "nested", "tombstones", "truncate", "incomplete", "partitions",
                                     "retention", "cleanup", "properties", "compression"});
inline constexpr auto kRegistryKeyNames = std::to_array<std::string_view>({"url", "user", "password", "ca"});
inline constexpr auto kHttpKeyNames = std::to_array<std::string_view>({"listen"});

inline constexpr SectionKeys kTopKeys = {"", kTopKeyNames};
inline constexpr SectionKeys kSourceKeys = {"source", kSourceKeyNames};
inline constexpr SectionKeys kNodeKeys = {"nodes", kNodeKeyNames};
inline constexpr SectionKeys kStreamKeys = {"streams", kStreamKeyNames};
inline constexpr SectionKeys kColumnsKeys = {"columns", kColumnsKeyNames};
inline constexpr SectionKeys kBackfillKeys = {"backfill", kBackfillKeyNames};
inline constexpr SectionKeys kKafkaKeys = {"kafka", kKafkaKeyNames};
inline constexpr SectionKeys kMutationsKeys = {"mutations", kMutationsKeyNames};
inline constexpr SectionKeys kChangelogKeys = {"changelog", kOwnTopicKeyNames};
inline constexpr SectionKeys kSchemasKeys = {"schemas", kOwnTopicKeyNames};
inline constexpr SectionKeys kGapsKeys = {"gaps", kOwnTopicKeyNames};
inline constexpr SectionKeys kSnapshotsKeys = {"snapshots", kOwnTopicKeyNames};
inline constexpr SectionKeys kTopicsKeys = {"topics", kTopicsKeyNames};
inline constexpr SectionKeys kRegistryKeys = {"registry", kRegistryKeyNames};
inline constexpr SectionKeys kHttpKeys = {"http", kHttpKeyNames};

inline constexpr auto kAllKeys = std::to_array<SectionKeys>(
    {kTopKeys, kSourceKeys, kNodeKeys, kStreamKeys, kColumnsKeys, kBackfillKeys, kHttpKeys, kKafkaKeys, kMutationsKeys,
     kTopicsKeys, kRegistryKeys, kChangelogKeys, kSchemasKeys, kGapsKeys, kSnapshotsKeys});

// What names of pipelines, nodes and streams are made of.
constexpr bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

}  // namespace braid
