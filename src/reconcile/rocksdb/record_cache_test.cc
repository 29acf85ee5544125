#include "reconcile/rocksdb/record_cache.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <optional>

namespace braid {
namespace {

TEST(RecordCache, KeepsTheLastUsedWithinItsBytes) {
  RecordCache cache(4096);
  const std::string value(400, 'x');
  for (char key = 'a'; key <= 'f'; ++key) {
    cache.Read(std::string(1, key), true, value);
    ASSERT_NE(cache.Find("a"), nullptr);
  }
  for (int i = 0; i < 100; ++i) cache.Read("k" + std::to_string(i), true, value);
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_NE(cache.Find("k99"), nullptr);
  EXPECT_EQ(cache.Find("k50"), nullptr);
  cache.Read("large", true, std::string(100'000, 'x'));
  EXPECT_NE(cache.Find("large"), nullptr);
  EXPECT_EQ(cache.Find("k99"), nullptr);
}

TEST(RecordCache, WhatIsWrittenStaysUntilItIsCommitted) {
  RecordCache cache(1000);
  for (int i = 0; i < 1000; ++i) cache.Write(std::to_string(i), i % 2 == 0, true, std::string(10, 'x'));
  EXPECT_EQ(cache.dirty().size(), 1000u);
  EXPECT_EQ(cache.dirty_bytes(), 10u + 90 * 2 + 900 * 3 + 1000 * 10);
  cache.Write("5", false, true, "");
  EXPECT_EQ(cache.dirty_bytes(), 10u + 90 * 2 + 900 * 3 + 999 * 10);
  cache.SortDirty();
  EXPECT_TRUE(std::ranges::is_sorted(cache.dirty(), {}, [](const auto* record) { return record->key(); }));
  size_t taken = 0;
  cache.TakeRows([&](const RecordCache::Record& row) { taken += row.exists ? 1 : 0; });
  EXPECT_EQ(taken, 500u);
  EXPECT_FALSE(cache.has_dirty_rows());
  EXPECT_EQ(cache.dirty().size(), 500u);
  cache.SetCommitted();
  EXPECT_TRUE(cache.dirty().empty());
  EXPECT_EQ(cache.dirty_bytes(), 0u);
}

// Whatever it lets go of, what it says is so.
RC_GTEST_PROP(RecordCache, NeverSaysWhatIsNotSo, (uint64_t seed)) {
  RecordCache cache(3000);
  std::map<std::string, std::optional<std::string>> truth;  // with what is written
  std::map<std::string, std::optional<std::string>> store;
  for (int step = 0; step < 3000; ++step) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const auto below = [&, bits = seed >> 20](uint64_t n, int shift) { return (bits >> shift) % n; };
    const std::string key = "key" + std::to_string(below(60, 0));
    const std::string value(below(90, 7), static_cast<char>('a' + below(26, 14)));
    switch (below(50, 20)) {
      case 0:
        cache.SetCommitted();
        store = truth;
        break;
      case 1:
        cache.Clear();
        truth = store;
        break;
      case 2:
        cache.Forget("key1");
        std::erase_if(truth, [](const auto& record) { return record.first.starts_with("key1"); });
        std::erase_if(store, [](const auto& record) { return record.first.starts_with("key1"); });
        break;
      default: {
        const auto* found = cache.Find(key);
        const auto known = truth.find(key);
        const std::optional<std::string> is = known == truth.end() ? std::nullopt : known->second;
        if (found == nullptr) {
          RC_ASSERT(is == store[key]);
          found = cache.Read(key, is.has_value(), is.value_or(""));
        }
        RC_ASSERT(found->exists == is.has_value());
        if (is.has_value()) RC_ASSERT(found->value == *is);
        if (below(3, 30) == 0) {
          const bool exists = below(5, 33) != 0;
          cache.Write(key, false, exists, exists ? value : "");
          truth[key] = exists ? std::optional(value) : std::nullopt;
        }
      }
    }
  }
}

}  // namespace
}  // namespace braid
