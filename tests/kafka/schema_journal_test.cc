// The schema journal on a real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "broker_test_util.h"
#include "capture/journal_book.h"
#include "capture/kafka/kafka_schema_journal.h"
#include "capture/schema_registry.h"
#include "cassandra/schema/schema_files_test_util.h"
#include "codec/schema.h"

namespace braid {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;
using Kind = SchemaRecord::Kind;

constexpr int64_t kT = 1'700'000'000'000'000;
constexpr int64_t kSecond = 1'000'000;

TableSchemaPtr Table(uint32_t number, size_t columns = 1) {
  auto schema = std::make_shared<TableSchema>();
  StoreBigEndian(reinterpret_cast<char*>(schema->table_id.bytes.data()), number);
  schema->keyspace = "k";
  schema->table = "t" + std::to_string(number);
  schema->cdc = true;
  for (size_t i = 0; i < columns; ++i) {
    Column column;
    column.id = {static_cast<uint16_t>(i)};
    column.name = "column_" + std::to_string(i);
    column.kind = i == 0 ? ColumnKind::kPartitionKey : ColumnKind::kRegular;
    column.type = SimpleType(TypeKind::kText);
    schema->columns.push_back(column);
  }
  schema->IndexColumns();
  schema->id = ComputeSchemaId(*schema);
  return schema;
}

SchemaRecord Definition(uint32_t number, size_t columns = 1) {
  const TableSchemaPtr schema = Table(number, columns);
  return {.kind = Kind::kDefinition,
          .table = schema->table_id,
          .schema = schema,
          .changed_at = {kT},
          .base = SchemaId{},
          .written_at = {kT}};
}

class SchemaJournalTest : public BrokerTest {
 protected:
  SchemaJournalTest() {
    static int number = 0;
    topic_ = "schemas-" + std::to_string(getpid()) + "-" + std::to_string(++number);
    const Status made = Admin()->CreateTopics({SchemaJournalTopic(topic_, 1)}, kLongMs);
    EXPECT_TRUE(made.has_value()) << made.error().message;
  }

  std::unique_ptr<SchemaJournal> Journal(int timeout_ms = kLongMs) {
    return *OpenKafkaSchemaJournal({.properties = Properties(), .topic = topic_, .timeout_ms = timeout_ms});
  }
  static std::vector<SchemaRecord> MustRead(SchemaJournal* journal) {
    auto records = journal->ReadNew();
    EXPECT_TRUE(records.has_value()) << records.error().message;
    return records.has_value() ? *std::move(records) : std::vector<SchemaRecord>();
  }
  static void MustAppend(SchemaJournal* journal, const std::vector<SchemaRecord>& records) {
    const Status appended = journal->Append(records);
    ASSERT_TRUE(appended.has_value()) << appended.error().message;
  }

  std::string topic_;
};

TEST_F(SchemaJournalTest, WhatOneAppendedOthersFindAtOnce) {
  const auto a = Journal();
  const auto b = Journal();
  EXPECT_THAT(MustRead(a.get()), SizeIs(0));
  for (uint32_t i = 0; i < 20; ++i) {
    MustAppend(i % 2 == 0 ? a.get() : b.get(), {Definition(2 * i), Definition(2 * i + 1)});
    for (SchemaJournal* journal : {b.get(), a.get()}) {
      const std::vector<SchemaRecord> records = MustRead(journal);
      ASSERT_THAT(records, SizeIs(2));
      EXPECT_EQ(records[1].schema->id, Table(2 * i + 1)->id);
    }
  }
  EXPECT_THAT(MustRead(a.get()), SizeIs(0));
  EXPECT_THAT(MustRead(Journal().get()), SizeIs(40));
  // And by itself, soon.
  MustAppend(a.get(), {Definition(99)});
  size_t arrived = 0;
  for (int i = 0; i < 500 && arrived == 0; ++i) {
    arrived = b->ReadArrived()->size();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(arrived, 1u);
}

// More than one Kafka record may hold, and one definition that is more than most.
TEST_F(SchemaJournalTest, LargeBatchesComeWholeAndInOrder) {
  std::vector<SchemaRecord> records;
  for (uint32_t i = 0; i < 3000; ++i) records.push_back(Definition(i, 40));
  records.push_back(Definition(3000, 60'000));
  const auto journal = Journal();
  MustAppend(journal.get(), records);
  const std::vector<SchemaRecord> read = MustRead(Journal().get());
  ASSERT_EQ(read.size(), records.size());
  for (size_t i = 0; i < read.size(); ++i) ASSERT_EQ(read[i].schema->id, records[i].schema->id);
}

TEST_F(SchemaJournalTest, ABrokerThatIsAway) {
  MustAppend(Journal().get(), {Definition(1)});
  // Impatient only where nobody answers: a busy broker may take longer than that.
  const auto journal = Journal(1'000);
  Result<std::vector<SchemaRecord>> before = journal->ReadNew();
  for (int i = 0; i < 30 && !before.has_value(); ++i) before = journal->ReadNew();
  ASSERT_TRUE(before.has_value()) << before.error().message;
  ASSERT_THAT(*before, SizeIs(1));
  Hurt("kill 1");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(journal->ReadNew().error().code, ErrorCode::kTransient);
  EXPECT_THAT(*journal->ReadArrived(), SizeIs(0));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(journal->Append({Definition(2)}).error().code, ErrorCode::kTransient);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  // Opened meanwhile.
  const auto other = Journal(1'000);
  EXPECT_EQ(other->ReadNew().error().code, ErrorCode::kTransient);
  Hurt("start 1");
  for (int i = 0; i < 30 && !journal->Append({Definition(3)}).has_value(); ++i) {
  }
  // Of the definition that was tried three times one copy was on its way.
  for (SchemaJournal* reader : {journal.get(), other.get()}) {
    SchemaFold fold;
    Result<std::vector<SchemaRecord>> records = reader->ReadNew();
    for (int i = 0; i < 30 && !records.has_value(); ++i) records = reader->ReadNew();
    ASSERT_TRUE(records.has_value()) << records.error().message;
    fold.Apply(*records);
    EXPECT_NE(fold.Find(Table(2)->id), nullptr);
    EXPECT_NE(fold.Find(Table(3)->id), nullptr);
    EXPECT_LE(records->size(), reader == journal.get() ? 3u : 4u);
  }
}

TEST_F(SchemaJournalTest, WhatIsNoRecordStopsAllReaders) {
  const auto journal = Journal();
  MustAppend(journal.get(), {Definition(1)});
  const auto stranger = Producer();
  ASSERT_TRUE(*stranger->Produce(topic_, 0, std::nullopt, std::string("\x01?")));
  ASSERT_TRUE(stranger->Flush(kLongMs).has_value());
  for (int i = 0; i < 2; ++i) {
    const auto read = journal->ReadNew();
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(read.error().message, HasSubstr("topic " + topic_ + ", offset 1: "));
  }
}

TEST_F(SchemaJournalTest, ATopicThatLostItsBeginningIsRefused) {
  const auto journal = Journal();
  for (uint32_t i = 0; i < 3; ++i) MustAppend(journal.get(), {Definition(i)});
  ASSERT_THAT(MustRead(journal.get()), SizeIs(3));
  ASSERT_TRUE(Admin()->DeleteTopics({topic_}, kLongMs).has_value());
  for (int i = 0; i < 50 && !Admin()->CreateTopics({SchemaJournalTopic(topic_, 1)}, kLongMs).has_value(); ++i) {
  }
  Result<std::vector<SchemaRecord>> read = journal->ReadNew();
  for (int i = 0; i < 50 && (read.has_value() || read.error().code != ErrorCode::kCorrupt); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    read = journal->ReadNew();
  }
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("made anew"));
}

TEST_F(SchemaJournalTest, AnUnknownTopicSaysSo) {
  topic_ = "nowhere-" + topic_;
  const auto journal = Journal(3'000);
  EXPECT_EQ(journal->ReadNew().error().code, ErrorCode::kNotFound);
}

// Three agents in threads of their own, each of a node that changes what it likes; and a worker.
TEST_F(SchemaJournalTest, AgentsAndAWorkerAgree) {
  constexpr uint8_t kAgents = 3;
  constexpr int kChanges = 15;
  TableId id;
  id.bytes.fill(0x77);
  const fs::path home = fs::path(testing::TempDir()) / topic_;
  const auto run = [&](uint8_t number) {
    SchemaFiles node(home / std::to_string(number));
    node.CreateKeyspace("k", kT);
    node.WriteTable("k", "t", id, true, kT);
    node.WriteColumn("k", "t", "p", "partition_key", "int", kT, 0);
    SchemaWitness witness{.of_nodes = kAgents};
    witness.host.fill(number);
    auto registry =
        SchemaRegistry::Open(PosixFileSystem(), Journal(), {.data_directories = {node.path()}, .node = witness});
    ASSERT_TRUE(registry.has_value()) << registry.error().message;
    for (int i = 0; i < kChanges; ++i) {
      const int64_t at = kT + (kAgents * i + number + 1) * kSecond;
      node.WriteTable("k", "t", id, true, at);
      node.WriteColumn("k", "t", "c" + std::to_string(number) + "_" + std::to_string(i), "regular", "text", at);
      const auto events = (*registry)->Refresh();
      ASSERT_TRUE(events.has_value()) << events.error().message;
    }
    ASSERT_TRUE((*registry)->MarkHistoryLogged(id).has_value());
  };
  std::vector<std::thread> threads;
  for (uint8_t i = 0; i < kAgents; ++i) threads.emplace_back(run, i);
  for (std::thread& thread : threads) thread.join();
  fs::remove_all(home);
  const auto worker = JournalBook::Open(Journal());
  ASSERT_TRUE(worker.has_value()) << worker.error().message;
  const TableSchema* const table = (*worker)->FindTable(id);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->regulars.size(), size_t{kAgents} * kChanges);
  EXPECT_TRUE((*worker)->HistoryKnown(id));
  // Each id was given once.
  SchemaFold fold;
  std::map<uint16_t, std::string> names;
  for (const SchemaRecord& record : MustRead(Journal().get())) {
    fold.Apply({record});
    for (const Column& column : fold.FindTable(id)->columns) {
      EXPECT_EQ(names.emplace(column.id.value, column.name).first->second, column.name);
    }
  }
}

}  // namespace
}  // namespace braid
