// The groups of the configuration and their keys, in the order of docs/configuration.md.
#pragma once

#include <array>
#include <string_view>

#include "control/section.h"

namespace braid {

inline constexpr auto kTopKeyNames = std::to_array<std::string_view>(
    {"name", "source", "memory", "disk", "state", "shards", "reorder_window", "publish_when", "confirm_timeout",
     "purge_slack", "retention", "backfill", "streams", "http"});
inline constexpr auto kSourceKeyNames =
    std::to_array<std::string_view>({"kind", "nodes", "tail", "exclude", "on_corruption", "on_overflow",
                                     "cdc_total_space", "sync_slack", "schema_wait"});
inline constexpr auto kNodeKeyNames = std::to_array<std::string_view>({"name", "home", "cdc_raw", "commitlog", "data"});
inline constexpr auto kStreamKeyNames =
    std::to_array<std::string_view>({"name", "table", "tables", "where", "columns", "hmac_key_file"});
inline constexpr auto kColumnsKeyNames = std::to_array<std::string_view>({"include", "exclude", "mask"});
inline constexpr auto kBackfillKeyNames = std::to_array<std::string_view>({"bootstrap", "gaps", "rate"});
inline constexpr auto kHttpKeyNames = std::to_array<std::string_view>({"listen"});

inline constexpr SectionKeys kTopKeys = {"", kTopKeyNames};
inline constexpr SectionKeys kSourceKeys = {"source", kSourceKeyNames};
inline constexpr SectionKeys kNodeKeys = {"nodes", kNodeKeyNames};
inline constexpr SectionKeys kStreamKeys = {"streams", kStreamKeyNames};
inline constexpr SectionKeys kColumnsKeys = {"columns", kColumnsKeyNames};
inline constexpr SectionKeys kBackfillKeys = {"backfill", kBackfillKeyNames};
inline constexpr SectionKeys kHttpKeys = {"http", kHttpKeyNames};

inline constexpr auto kAllKeys =
    std::to_array<SectionKeys>({kTopKeys, kSourceKeys, kNodeKeys, kStreamKeys, kColumnsKeys, kBackfillKeys, kHttpKeys});

// What names of pipelines, nodes and streams are made of.
constexpr bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

}  // namespace braid
