#include "capture/schema_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/check.h"
#include "base/testing.h"
#include "cassandra/schema/schema_files_test_util.h"

namespace braid {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

// 2023-11-14, and time-based ids made then.
constexpr int64_t kT = 1'700'000'000'000'000;

TableId IdMadeAt(int64_t us, uint8_t node = 1) {
  const uint64_t ticks = static_cast<uint64_t>(us) * 10 + 0x01B21DD213814000;
  RowBytes bytes;
  bytes.I32(static_cast<int32_t>(ticks)).U16(static_cast<uint16_t>(ticks >> 32));
  bytes.U16(static_cast<uint16_t>(0x1000 | ticks >> 48)).I64(node);
  return TableId::FromBytes(bytes.bytes());
}

std::string Describe(const SchemaRegistry::Event& event) {
  const char* kinds[] = {"new", "changed", "dropped"};
  const TableSchema& table = event.table();
  return std::string(kinds[static_cast<int>(event.kind)]) + " " + table.FullName() + (table.cdc ? "" : " off");
}

std::vector<std::string> Columns(const TableSchema* table) {
  std::vector<std::string> names;
  for (const Column& column : table->columns) names.push_back(column.name + (column.dropped ? "-" : ""));
  return names;
}

// While it lives, no file grows.
class FullDisk {
 public:
  FullDisk() {
    ::signal(SIGXFSZ, SIG_IGN);
    CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit none{.rlim_cur = 1, .rlim_max = before_.rlim_max};
    CHECK(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() : home_(Home()), a_(home_ / "a"), b_(home_ / "b") {
    Both([](SchemaFiles& node) {
      node.CreateKeyspace("k", kT);
      Create(node, "t", kT);
    });
  }

  static fs::path Home() {
    const fs::path home =
        fs::path(testing::TempDir()) /
        (std::string("braid_registry_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(home);
    return home;
  }
  template <typename Do>
  void Both(Do change) {
    change(a_);
    change(b_);
  }
  static void Create(SchemaFiles& node, const std::string& table, int64_t at, bool cdc = true) {
    node.WriteTable("k", table, IdMadeAt(at), cdc, at);
    node.WriteColumn("k", table, "p", "partition_key", "int", at, 0);
    node.WriteColumn("k", table, "m", "regular", "text", at);
  }
  static void Add(SchemaFiles& node, const std::string& column, int64_t at) {
    node.WriteTable("k", "t", IdMadeAt(kT), true, at);
    node.WriteColumn("k", "t", column, "regular", "text", at);
  }

  void Open() {
    registry_.reset();
    Result<std::unique_ptr<SchemaRegistry>> opened = TryOpen();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    registry_ = *std::move(opened);
  }
  Result<std::unique_ptr<SchemaRegistry>> TryOpen() {
    const SchemaRegistry::Options options{
        .path = (home_ / "state/schema").string(),
        .data_directories = {a_.path(), b_.path()},
        .log = [this](bool alarm, const std::string& line) { lines_.emplace_back(alarm, line); }};
    return SchemaRegistry::Open(PosixFileSystem(), options);
  }
  std::vector<std::string> Refresh() {
    const auto events = registry_->Refresh();
    EXPECT_TRUE(events.has_value()) << events.error().message;
    std::vector<std::string> described;
    for (const SchemaRegistry::Event& event : *events) described.push_back(Describe(event));
    return described;
  }
  // Until something is told, or so often that nothing more is waited for.
  std::vector<std::string> RefreshLong() {
    std::vector<std::string> events;
    for (int i = 0; i < 200 && events.empty(); ++i) events = Refresh();
    return events;
  }
  const TableSchema* Table(int64_t made_at = kT) { return registry_->FindTable(IdMadeAt(made_at)); }

  fs::path home_;
  SchemaFiles a_;
  SchemaFiles b_;
  std::unique_ptr<SchemaRegistry> registry_;
  std::vector<std::pair<bool, std::string>> lines_;
};

TEST_F(RegistryTest, TellsOfAllThatThereIsAndOfChanges) {
  Open();
  EXPECT_THAT(Refresh(), ElementsAre("new k.t"));
  EXPECT_THAT(Refresh(), IsEmpty());
  const uint64_t version = registry_->version();
  Both([](SchemaFiles& node) { Add(node, "a", kT + 1000); });
  const TableSchema* const before = Table();
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t"));
  EXPECT_GT(registry_->version(), version);
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m", "a"));
  EXPECT_EQ(registry_->Find(before->id), before);
  EXPECT_EQ(registry_->Find(Table()->id), Table());
  EXPECT_EQ(registry_->Find(SchemaId{1}), nullptr);
  EXPECT_THAT(registry_->CapturedTables(), ElementsAre(Table()));
}

TEST_F(RegistryTest, IdsOutlastARestart) {
  Open();
  Both([](SchemaFiles& node) { Add(node, "a", kT + 1000); });
  Refresh();
  const SchemaId newest = Table()->id;
  Open();
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m", "a"));
  EXPECT_EQ(Table()->id, newest);
  EXPECT_THAT(Refresh(), IsEmpty());
  // What changed while nobody looked is told against what was known.
  registry_.reset();
  Both([](SchemaFiles& node) { Add(node, "b", kT + 2000); });
  Open();
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t"));
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m", "a", "b"));
}

// Nobody finds what would be lost by a crash.
TEST_F(RegistryTest, WhatCannotBeKeptIsNotGiven) {
  Open();
  Refresh();
  const SchemaId before = Table()->id;
  Both([](SchemaFiles& node) { Add(node, "a", kT + 1000); });
  {
    const FullDisk full;
    for (int i = 0; i < 3; ++i) {
      EXPECT_FALSE(registry_->Refresh().has_value());
      EXPECT_EQ(Table()->id, before);
      EXPECT_FALSE(registry_->MarkHistoryKnown(IdMadeAt(kT)).has_value());
      EXPECT_FALSE(registry_->HistoryKnown(IdMadeAt(kT)));
    }
  }
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t"));
  const SchemaId after = Table()->id;
  Open();
  EXPECT_EQ(Table()->id, after);
  EXPECT_THAT(Refresh(), IsEmpty());
}

TEST_F(RegistryTest, DroppedAndAddedAgain) {
  Open();
  Refresh();
  Both([](SchemaFiles& node) { Add(node, "z", kT + 1000); });
  Refresh();
  const auto drop = [](SchemaFiles& node) {
    node.WriteTable("k", "t", IdMadeAt(kT), true, kT + 5'000'000);
    node.DeleteColumn("k", "t", "m", kT + 5'000'000);
    node.WriteDropped("k", "t", "m", "text", kT + 5'000'000);
  };
  Both(drop);
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t"));
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m-", "z"));
  Both([](SchemaFiles& node) { Add(node, "m", kT + 9'000'000); });
  Refresh();
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m", "z"));
  EXPECT_EQ(Table()->columns[1].dropped_at.us, kT + 5'000'000);
}

// The two halves of a DROP of a column are flushed one after the other.
TEST_F(RegistryTest, HalfAChangeWaitsForTheOther) {
  Open();
  Refresh();
  a_.WriteTable("k", "t", IdMadeAt(kT), true, kT + 5'000'000);
  a_.DeleteColumn("k", "t", "m", kT + 5'000'000);
  for (int i = 0; i < 50; ++i) EXPECT_THAT(Refresh(), IsEmpty());
  a_.WriteDropped("k", "t", "m", "text", kT + 5'000'000);
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t"));
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m-"));
  EXPECT_EQ(Table()->columns[1].dropped_at.us, kT + 5'000'000);
  EXPECT_THAT(Refresh(), IsEmpty());
}

TEST_F(RegistryTest, AHalfThatStaysIsAll) {
  Open();
  Refresh();
  a_.WriteTable("k", "t", IdMadeAt(kT), true, kT + 5'000'000);
  a_.DeleteColumn("k", "t", "m", kT + 5'000'000);
  EXPECT_THAT(RefreshLong(), ElementsAre("changed k.t"));
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m-"));
}

// Of a CREATE the table comes first and its columns next.
TEST_F(RegistryTest, HalfATableIsNoTable) {
  Open();
  Refresh();
  a_.WriteTable("k", "u", IdMadeAt(kT + 1), true, kT + 1);
  EXPECT_THAT(Refresh(), IsEmpty());
  EXPECT_EQ(registry_->WhyUnreadable(IdMadeAt(kT + 1)), "");
  a_.WriteColumn("k", "u", "p", "partition_key", "int", kT + 1, 0);
  EXPECT_THAT(Refresh(), ElementsAre("new k.u"));
  EXPECT_THAT(lines_, testing::Not(Contains(Pair(true, testing::_))));
}

TEST_F(RegistryTest, AnUnreadableTableSaysWhyAndRecovers) {
  Open();
  Refresh();
  Both([](SchemaFiles& node) {
    node.WriteTable("k", "t", IdMadeAt(kT), true, kT + 1000);
    node.WriteColumn("k", "t", "u", "regular", "nowhere", kT + 1000);
  });
  RefreshLong();
  EXPECT_THAT(registry_->WhyUnreadable(IdMadeAt(kT)), HasSubstr("nowhere is not in system_schema.types"));
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m"));
  EXPECT_THAT(lines_, Contains(Pair(true, HasSubstr("nowhere"))));
  Both([](SchemaFiles& node) { node.WriteType("k", "nowhere", {"x"}, {"int"}, kT + 1000); });
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t"));
  EXPECT_EQ(registry_->WhyUnreadable(IdMadeAt(kT)), "");
}

TEST_F(RegistryTest, AtTheStartItIsKnownAtOnce) {
  Both([](SchemaFiles& node) { node.WriteColumn("k", "t", "u", "regular", "nowhere", kT); });
  Open();
  EXPECT_THAT(registry_->WhyUnreadable(IdMadeAt(kT)), HasSubstr("nowhere is not in system_schema.types"));
  EXPECT_EQ(Table(), nullptr);
}

TEST_F(RegistryTest, ATypeThatGrowsChangesItsTables) {
  Both([](SchemaFiles& node) {
    node.WriteType("k", "u", {"x"}, {"int"}, kT);
    node.WriteColumn("k", "t", "u", "regular", "frozen<u>", kT);
  });
  Open();
  Refresh();
  Both([](SchemaFiles& node) { node.WriteType("k", "u", {"x", "y"}, {"int", "text"}, kT + 1000); });
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t"));
  EXPECT_EQ(Table()->FindColumn("u")->type->args.size(), 2u);
}

TEST_F(RegistryTest, ATableMadeAnewIsAnother) {
  Open();
  Refresh();
  Both([](SchemaFiles& node) { node.DeleteTable("k", "t", kT + 1'000'000); });
  EXPECT_THAT(Refresh(), ElementsAre("dropped k.t"));
  EXPECT_THAT(registry_->CapturedTables(), IsEmpty());
  EXPECT_NE(Table(), nullptr);  // its mutations may still be in logs
  Both([](SchemaFiles& node) { Create(node, "t", kT + 9'000'000); });
  EXPECT_THAT(Refresh(), ElementsAre("new k.t"));
  EXPECT_NE(Table(kT + 9'000'000), Table());
  Open();
  EXPECT_THAT(Refresh(), IsEmpty());
  EXPECT_THAT(registry_->CapturedTables(), ElementsAre(Table(kT + 9'000'000)));
}

TEST_F(RegistryTest, CaptureIsTurnedOffAndOn) {
  Open();
  Refresh();
  ASSERT_TRUE(registry_->MarkHistoryKnown(IdMadeAt(kT)).has_value());
  const SchemaId on = Table()->id;
  Both([](SchemaFiles& node) { node.WriteTable("k", "t", IdMadeAt(kT), false, kT + 1000); });
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t off"));
  EXPECT_THAT(registry_->CapturedTables(), IsEmpty());
  Both([](SchemaFiles& node) { node.WriteTable("k", "t", IdMadeAt(kT), true, kT + 2000); });
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t"));
  EXPECT_EQ(Table()->id, on);
  EXPECT_FALSE(registry_->HistoryKnown(IdMadeAt(kT)));  // what was written meanwhile is in no log
  Open();
  EXPECT_EQ(Table()->id, on);
  EXPECT_TRUE(Table()->cdc);
  EXPECT_FALSE(registry_->HistoryKnown(IdMadeAt(kT)));
}

// The node that had the newest definition is away when Braid starts again.
TEST_F(RegistryTest, NeverGoesBack) {
  Open();
  Add(a_, "x", kT + 1000);
  Create(a_, "u", kT + 1000);
  Refresh();
  registry_.reset();
  fs::rename(a_.path(), a_.path() + ".away");
  Open();
  EXPECT_THAT(Refresh(), IsEmpty());
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m", "x"));
  EXPECT_EQ(registry_->CapturedTables().size(), 2u);
  EXPECT_THAT(lines_, Contains(Pair(true, HasSubstr("no such"))).Times(testing::Le(2u)));
  // And while it is away, what the other says next counts.
  Add(b_, "x", kT + 1000);
  Add(b_, "y", kT + 2000);
  EXPECT_THAT(Refresh(), ElementsAre("changed k.t"));
  EXPECT_THAT(Columns(Table()), ElementsAre("p", "m", "x", "y"));
  // Back without what made the other table: now it is sure.
  fs::rename(a_.path() + ".away", a_.path());
  a_.DeleteTable("k", "u", kT + 3000);
  EXPECT_THAT(Refresh(), ElementsAre("dropped k.u"));
}

TEST_F(RegistryTest, ATableThatNoFileHasAnyMoreIsGone) {
  Create(a_, "u", kT + 1000);
  Open();
  Refresh();
  registry_.reset();
  // Tombstones are gone too.
  SchemaFiles anew(home_ / "anew");
  anew.CreateKeyspace("k", kT);
  Create(anew, "t", kT);
  fs::remove_all(a_.path());
  fs::rename(anew.path(), a_.path());
  Open();
  EXPECT_THAT(Refresh(), ElementsAre("dropped k.u"));
}

TEST_F(RegistryTest, ABrokenNodeIsWaitedForAndThenPassedOver) {
  Open();
  Refresh();
  a_.WriteColumn("k", "t", "n", "regular", "text", kT + 500);
  fs::remove(a_.TablePath("columns") / ("nb-" + std::to_string(a_.generation()) + "-big-CRC.db"));
  Add(b_, "x", kT + 1000);
  EXPECT_THAT(Refresh(), IsEmpty());
  EXPECT_THAT(lines_, testing::Not(Contains(Pair(true, testing::_))));
  EXPECT_THAT(RefreshLong(), ElementsAre("changed k.t"));
  EXPECT_THAT(lines_, Contains(Pair(true, HasSubstr("CRC.db"))));
}

TEST_F(RegistryTest, AnotherClusterIsRefused) {
  Open();
  Refresh();
  Both([](SchemaFiles& node) {
    node.WriteTable("k", "t", IdMadeAt(kT), true, kT + 1000);
    node.WriteColumn("k", "t", "p", "partition_key", "bigint", kT + 1000, 0);
  });
  EXPECT_THAT(Refresh(), IsEmpty());
  EXPECT_THAT(registry_->WhyUnreadable(IdMadeAt(kT)), HasSubstr("the key of k.t has changed"));
  EXPECT_EQ(Table()->columns[0].type->kind, TypeKind::kInt);
}

TEST_F(RegistryTest, ANewRegistryNeedsEveryNode) {
  fs::rename(a_.path(), a_.path() + ".away");
  const auto opened = TryOpen();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(opened.error().message, HasSubstr(a_.path()));
  fs::rename(a_.path() + ".away", a_.path());
  Open();
  EXPECT_FALSE(registry_->HistoryKnown(IdMadeAt(kT)));  // still the first sight
}

TEST_F(RegistryTest, NoSchemaAtAllIsAnError) {
  fs::remove_all(fs::path(a_.path()) / "system_schema");
  fs::remove_all(fs::path(b_.path()) / "system_schema");
  const auto opened = TryOpen();
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().message, HasSubstr("nodetool flush system_schema"));
}

TEST_F(RegistryTest, HistoryIsKnownOfTablesThatAppear) {
  Open();
  Refresh();
  EXPECT_FALSE(registry_->HistoryKnown(IdMadeAt(kT)));
  constexpr int64_t kHour = 3'600'000'000;
  Both([](SchemaFiles& node) {
    Create(node, "seen", kT + kHour);
    Create(node, "off", kT + 2 * kHour, false);
  });
  Refresh();
  EXPECT_TRUE(registry_->HistoryKnown(IdMadeAt(kT + kHour)));
  Both([](SchemaFiles& node) {
    node.WriteTable("k", "off", IdMadeAt(kT + 2 * kHour), true, kT + 2 * kHour + 100);
    // Made while nobody looked, and altered an hour later: it may have been without cdc till then.
    Create(node, "altered", kT + 3 * kHour);
    node.WriteTable("k", "altered", IdMadeAt(kT + 3 * kHour), true, kT + 4 * kHour);
    // Made with an id of its own, as by a restore.
    node.WriteTable("k", "restored", TableId::FromBytes(std::string(16, 'r')), true, kT + kHour);
    node.WriteColumn("k", "restored", "p", "partition_key", "int", kT + kHour, 0);
    // In a keyspace that does not log.
    node.CreateKeyspace("q", kT, false);
    node.WriteTable("q", "t", IdMadeAt(kT + 5 * kHour), true, kT + 5 * kHour);
    node.WriteColumn("q", "t", "p", "partition_key", "int", kT + 5 * kHour, 0);
  });
  EXPECT_EQ(Refresh().size(), 4u);
  for (const TableSchema* table : registry_->CapturedTables()) {
    EXPECT_EQ(registry_->HistoryKnown(table->table_id), table->table == "seen") << table->FullName();
  }
  EXPECT_THAT(lines_, Contains(Pair(true, HasSubstr("durable_writes"))));
  ASSERT_TRUE(registry_->MarkHistoryKnown(IdMadeAt(kT)).has_value());
  EXPECT_EQ(registry_->MarkHistoryKnown(IdMadeAt(7)).error().code, ErrorCode::kNotFound);
  Open();
  EXPECT_TRUE(registry_->HistoryKnown(IdMadeAt(kT)));
  EXPECT_TRUE(registry_->HistoryKnown(IdMadeAt(kT + kHour)));
  // One that came while Braid was down is in the logs that it left.
  registry_.reset();
  Both([](SchemaFiles& node) { Create(node, "meanwhile", kT + 6 * kHour); });
  Open();
  EXPECT_TRUE(registry_->HistoryKnown(IdMadeAt(kT + 6 * kHour)));
  Both([](SchemaFiles& node) { node.CreateKeyspace("k", kT + 7 * kHour, false); });
  Refresh();
  EXPECT_FALSE(registry_->HistoryKnown(IdMadeAt(kT)));
}

TEST_F(RegistryTest, CassandrasOwnTablesAreFoundAndNotTold) {
  const TableId local = TableId::FromBytes(FromHex("7ad54392bcdd35a684174e047860b377"));
  Both([&](SchemaFiles& node) {
    node.WriteTable("system", "local", local, false, kT);
    node.WriteColumn("system", "local", "key", "partition_key", "text", kT, 0);
    node.WriteColumn("system", "local", "truncated_at", "regular", "map<uuid, blob>", kT);
  });
  Open();
  EXPECT_THAT(Refresh(), ElementsAre("new k.t"));
  ASSERT_NE(registry_->FindTable(local), nullptr);
  EXPECT_TRUE(registry_->FindTable(local)->FindColumn("truncated_at")->multi_cell());
}

// The real schema of whole nodes of 4.0 and 5.0, among them dropped columns.
TEST_F(RegistryTest, RealNodes) {
  const fs::path data = fs::path(__FILE__).parent_path() / "../cassandra/schema/testdata";
  for (const char* version : {"cassandra-4.0.17", "cassandra-5.0.6"}) {
    const SchemaRegistry::Options options{
        .path = (home_ / version).string(), .data_directories = {(data / version).string()}, .log = {}};
    std::vector<uint64_t> ids[2];
    for (std::vector<uint64_t>& of : ids) {
      const auto registry = SchemaRegistry::Open(PosixFileSystem(), options);
      ASSERT_TRUE(registry.has_value()) << registry.error().message;
      EXPECT_GE((*registry)->CapturedTables().size(), 14u);
      for (const TableSchema* table : (*registry)->CapturedTables()) of.push_back(table->id.value);
      EXPECT_THAT((*registry)->CapturedTables(), Contains(testing::Field(&TableSchema::table, "altered")));
    }
    EXPECT_EQ(ids[0], ids[1]);
  }
}

TEST_F(RegistryTest, ReadersRunBesideARefresh) {
  Open();
  std::atomic<bool> done = false;
  const auto read = [&] {
    while (!done) {
      const TableSchema* const table = Table();
      ASSERT_NE(table, nullptr);
      ASSERT_EQ(registry_->Find(table->id)->columns.size(), table->columns.size());
      ASSERT_EQ(registry_->CapturedTables().size(), 1u);
    }
  };
  std::thread reader(read);
  for (int i = 0; i < 50; ++i) {
    Add(a_, "c" + std::to_string(i), kT + i + 1);
    EXPECT_FALSE(Refresh().empty());
  }
  done = true;
  reader.join();
  EXPECT_EQ(Table()->columns.size(), 52u);
}

}  // namespace
}  // namespace braid
