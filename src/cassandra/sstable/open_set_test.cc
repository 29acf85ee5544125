#include "cassandra/sstable/open_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "cassandra/sstable/directory_test_util.h"
#include "cassandra/sstable/file_limit.h"
#include "cassandra/sstable/scan.h"
#include "cassandra/sstable/sstable_test_util.h"

namespace braid {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A table's directories on a node that compacts. Its SSTables hold a partition each; a compaction replaces some by as
// many of the same content.
class Node {
 public:
  explicit Node(const std::string& name, int directories = 1) {
    for (int i = 0; i < directories; ++i) {
      const fs::path path = fs::temp_directory_path() / ("braid_set_" + name + std::to_string(::getpid())) /
                            ("data" + std::to_string(i)) / "t-5a1c395eb41f11e59f22ba0be0483c18";
      fs::remove_all(path);
      fs::create_directories(path);
      directories_.push_back(path.string());
    }
  }
  ~Node() { fs::remove_all(fs::path(directories_.front()).parent_path().parent_path()); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const std::vector<std::string>& directories() const { return directories_; }

  struct Place {
    std::string base;
    std::string directory;
    int key = 0;
  };
  const std::vector<Place>& places() const { return places_; }

  // An SSTable with one partition.
  void Flush(int key) {
    const Place place = NewPlace(key);
    const SstableBytes bytes =
        MakeSstable({PartitionStart(IntBytes(key)) + IntRow(key, std::string(300, 'x')) + kPartitionEnd});
    WriteFile(place, "Data.db", bytes.data);
    WriteFile(place, "CRC.db", bytes.crc);
    WriteFile(place, "Index.db", bytes.index);
    WriteFile(place, "Statistics.db", bytes.statistics);
    places_.push_back(place);
  }

  // A transaction as Cassandra runs it; `step` is called between its steps. An aborted one leaves all as it was.
  void Compact(std::vector<size_t> which, bool abort, const std::function<void()>& step) {
    std::vector<Place> added;
    const std::string log = "nb_txn_compaction_" + std::to_string(++transactions_) + ".log";
    for (const size_t i : which) {
      Place place = NewPlace(places_[i].key);
      Append(log, Line("ADD", place.directory + "/" + place.base + "-", 0, 4), step);
      for (const char* component : kComponents) {
        fs::create_hard_link(PathOf(places_[i], component), PathOf(place, component));
        step();
      }
      added.push_back(std::move(place));
    }
    for (const size_t i : which) {
      Append(log, Line("REMOVE", places_[i].directory + "/" + places_[i].base + "-", 5, 4), step);
    }
    Append(log, Line(abort ? "ABORT" : "COMMIT", "", 0, 0), step);
    for (size_t i = 0; i < which.size(); ++i) {
      Place& dead = abort ? added[i] : places_[which[i]];
      for (const char* component : kComponents) {
        fs::remove(PathOf(dead, component));
        step();
      }
      if (!abort) places_[which[i]] = added[i];
    }
    for (const std::string& directory : directories_) {
      fs::remove(fs::path(directory) / log);
      step();
    }
  }

  // As for a change of the level: a file beside it, renamed over it.
  void RewriteStatistics(size_t which) {
    const std::string path = PathOf(places_[which], "Statistics.db");
    fs::copy_file(path, path + ".tmp");
    fs::rename(path + ".tmp", path);
  }

  static std::string PathOf(const Place& place, const std::string& component) {
    return place.directory + "/" + place.base + "-" + component;
  }

 private:
  // In the order in which they are deleted.
  static constexpr const char* kComponents[] = {"Data.db", "CRC.db", "Index.db", "Statistics.db"};

  Place NewPlace(int key) {
    const int generation = ++generation_;
    return {.base = "nb-" + std::to_string(generation) + "-big",
            .directory = directories_[static_cast<size_t>(generation) % directories_.size()],
            .key = key};
  }
  static void WriteFile(const Place& place, const std::string& component, const std::string& content) {
    std::ofstream(PathOf(place, component), std::ios::binary) << content;
  }
  // A record goes to the log in one directory after the other, and need not come there in one piece.
  void Append(const std::string& log, const std::string& line, const std::function<void()>& step) {
    for (const std::string& directory : directories_) {
      std::ofstream file(fs::path(directory) / log, std::ios::binary | std::ios::app);
      file << line.substr(0, line.size() / 2) << std::flush;
      step();
      file << line.substr(line.size() / 2) << std::flush;
      step();
    }
  }

  std::vector<std::string> directories_;
  std::vector<Place> places_;
  int generation_ = 0;
  int transactions_ = 0;
};

// The keys in all of a set, sorted; one that comes twice is twice there.
std::vector<int> KeysOf(const SstableSet& set) {
  std::vector<int> keys;
  for (const auto& sstable : set.sstables()) {
    const TableSchemaPtr schema = SchemaOfHeader(sstable->header(), "k", "t", TableId{}, {});
    const auto scanner = SstableScanner::Open(sstable.get(), schema);
    for (;;) {
      const auto piece = (*scanner)->Next();
      EXPECT_TRUE(piece.has_value()) << piece.error().message;
      if (!piece.has_value() || *piece == nullptr) break;
      keys.push_back(LoadBigEndian<int32_t>((*piece)->mutation.partition_key.data()));
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

const std::vector<int> kKeys = {0, 1, 2, 3, 4, 5, 6, 7};

void Fill(Node* node) {
  for (const int key : kKeys) node->Flush(key);
}

SstableSetOptions Quick() {
  SstableSetOptions options;
  options.pause = [](int64_t) {};
  return options;
}

TEST(SstableSetTest, HoldsWhatIsInForce) {
  Node node("force");
  EXPECT_TRUE(SstableSet::Open(node.directories())->sstables().empty());
  Fill(&node);
  const auto set = SstableSet::Open(node.directories());
  ASSERT_TRUE(set.has_value()) << set.error().message;
  EXPECT_EQ(KeysOf(*set), kKeys);
  EXPECT_TRUE(set->unreadable().empty());
  EXPECT_GT(set->data_bytes(), 8 * 300u);
}

// At whatever step of a transaction the set is opened, it has each key once.
TEST(SstableSetTest, EveryStepOfATransactionGivesTheOldOrTheNew) {
  for (const int directories : {1, 3}) {
    for (const bool abort : {false, true}) {
      Node node("steps", directories);
      Fill(&node);
      int steps = 0;
      node.Compact({0, 3, 4}, abort, [&] {
        ++steps;
        const auto set = SstableSet::Open(node.directories(), Quick());
        ASSERT_TRUE(set.has_value()) << steps << set.error().message;
        ASSERT_EQ(KeysOf(*set), kKeys) << steps;
        ASSERT_TRUE(set->unreadable().empty()) << steps << set->unreadable()[0].error.message;
      });
      EXPECT_GT(steps, 30);
    }
  }
}

// Whatever happens between the listing and the opening.
TEST(SstableSetTest, TransactionsBetweenListingAndOpening) {
  for (const int directories : {1, 2}) {
    Node node("between", directories);
    Fill(&node);
    std::mt19937_64 random(3);
    int listed = 0;
    SstableSetOptions options = Quick();
    options.listed = [&] {
      if (++listed % 4 == 0) return;  // sometimes it must come to an end
      node.Compact({random() % 4, 4 + random() % 4}, random() % 5 == 0, [] {});
      node.RewriteStatistics(random() % 8);
    };
    for (int round = 0; round < 100; ++round) {
      const auto set = SstableSet::Open(node.directories(), options);
      ASSERT_TRUE(set.has_value()) << set.error().message;
      ASSERT_EQ(KeysOf(*set), kKeys);
    }
    EXPECT_GT(listed, 100);
  }
}

// The same with a node that goes its own way.
TEST(SstableSetTest, BesideALiveNode) {
  for (const int directories : {1, 2}) {
    Node node("live", directories);
    Fill(&node);
    std::atomic<bool> stop = false;
    std::atomic<int> transactions = 0;
    std::thread compactions([&] {
      std::mt19937_64 random(5);
      while (!stop) {
        node.Compact({random() % 4, 4 + random() % 4}, random() % 5 == 0, [&] {
          if (random() % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 100));
        });
        node.RewriteStatistics(random() % 8);
        ++transactions;
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
      }
    });
    for (int round = 0; round < 300 || transactions < 150; ++round) {
      SstableSetOptions options;
      options.pause = [](int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); };
      const auto set = SstableSet::Open(node.directories(), options);
      EXPECT_TRUE(set.has_value()) << set.error().message;
      if (!set.has_value()) break;
      EXPECT_EQ(KeysOf(*set), kKeys) << round;
      EXPECT_TRUE(set->unreadable().empty());
    }
    stop = true;
    compactions.join();
  }
}

TEST(SstableSetTest, StaysReadableWhenItsFilesAreGone) {
  Node node("gone");
  Fill(&node);
  const auto set = SstableSet::Open(node.directories());
  for (const auto& entry : fs::directory_iterator(node.directories()[0])) fs::remove(entry.path());
  EXPECT_EQ(KeysOf(*set), kKeys);
  EXPECT_TRUE(SstableSet::Open(node.directories())->sstables().empty());
}

TEST(SstableSetTest, ANodeThatNeverRestsIsTold) {
  Node node("restless");
  Fill(&node);
  SstableSetOptions options = Quick();
  int64_t pauses_ms = 0;
  options.pause = [&](int64_t ms) { pauses_ms += ms; };
  options.listed = [&] { node.Compact({0, 1}, false, [] {}); };
  const auto set = SstableSet::Open(node.directories(), options);
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, ErrorCode::kTransient);
  EXPECT_THAT(set.error().message, HasSubstr("in 20 tries"));
  EXPECT_EQ(pauses_ms, 510 + 11 * 500);
}

TEST(SstableSetTest, ContradictionsAreTold) {
  Node node("contradiction");
  Fill(&node);
  EXPECT_EQ(SstableSet::Open({node.directories()[0] + "none"}, Quick()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(SstableSet::Open({}, Quick()).error().code, ErrorCode::kInvalidArgument);

  // An unfinished transaction is to remove an SSTable that is there in part.
  const Node::Place& place = node.places()[2];
  std::ofstream(fs::path(place.directory) / "nb_txn_compaction_1.log")
      << Line("REMOVE", "/x/" + place.base + "-", 5, 4);
  fs::remove(Node::PathOf(place, "Index.db"));
  const auto set = SstableSet::Open(node.directories(), Quick());
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(set.error().message, HasSubstr("copy it again"));
}

// A damaged SSTable is told, with where its partitions are; the others are open.
TEST(SstableSetTest, TellsWhatIsDamaged) {
  for (const char* folder : {"many-oa", "many-da"}) {
    for (const char* component : {"Data.db", "Statistics.db", "CompressionInfo.db"}) {
      Node node("damage");
      node.Flush(1);
      Descriptor descriptor;
      for (const auto& entry : fs::directory_iterator(fs::path(BRAID_TESTDATA) / folder)) {
        const fs::path to = fs::path(node.directories()[0]) / entry.path().filename();
        fs::copy_file(entry.path(), to);
        descriptor = ParseComponentPath(to.string())->descriptor;
      }
      EXPECT_EQ(SstableSet::Open(node.directories(), Quick())->sstables().size(), 2u);
      const auto tokens = (*Sstable::Open(descriptor))->tokens();
      for (const bool remove : {false, true}) {
        if (!remove && component == std::string("Data.db")) continue;  // told by the scan
        remove ? fs::remove(descriptor.ComponentPath(component))
               : (fs::resize_file(descriptor.ComponentPath(component), 30), true);
        const auto set = SstableSet::Open(node.directories(), Quick());
        ASSERT_TRUE(set.has_value()) << set.error().message;
        EXPECT_EQ(set->sstables().size(), 1u);
        ASSERT_EQ(set->unreadable().size(), 1u);
        const UnreadableSstable& unreadable = set->unreadable()[0];
        EXPECT_EQ(unreadable.descriptor, descriptor);
        EXPECT_EQ(unreadable.error.code, ErrorCode::kCorrupt);
        EXPECT_THAT(unreadable.error.message, HasSubstr(component));
        EXPECT_EQ(unreadable.tokens, *tokens);
      }
      fs::remove(descriptor.ComponentPath(descriptor.format == SstableFormat::kBig ? "Summary.db" : "Partitions.db"));
      EXPECT_TRUE(SstableSet::Open(node.directories(), Quick())->unreadable()[0].tokens.all());
    }
  }
}

// A compressor that is not Cassandra's own is named, with the cure; it keeps nobody from the other SSTables.
TEST(SstableSetTest, NamesCustomCompressors) {
  Node node("compressor");
  node.Flush(1);
  const SstableBytes real = RealSstable("written-zstd");
  std::string info = real.compression_info;
  const std::string known = "ZstdCompressor";
  ASSERT_NE(info.find(known), std::string::npos);
  info.replace(info.find(known), known.size(), "AcmeCompressor");
  const Descriptor descriptor = {.directory = node.directories()[0], .version = SstableVersion::kOa, .generation = "9"};
  std::ofstream(descriptor.ComponentPath("Data.db"), std::ios::binary) << real.data;
  std::ofstream(descriptor.ComponentPath("Statistics.db"), std::ios::binary) << real.statistics;
  std::ofstream(descriptor.ComponentPath("CompressionInfo.db"), std::ios::binary) << info;
  const auto set = SstableSet::Open(node.directories(), Quick());
  ASSERT_TRUE(set.has_value()) << set.error().message;
  EXPECT_EQ(KeysOf(*set), std::vector<int>{1});
  ASSERT_EQ(set->unreadable().size(), 1u);
  EXPECT_EQ(set->unreadable()[0].error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(set->unreadable()[0].error.message, HasSubstr("AcmeCompressor"));
  EXPECT_THAT(set->unreadable()[0].error.message, HasSubstr("upgradesstables"));
}

// What else lies in a table's directory is passed over.
TEST(SstableSetTest, PassesOverWhatIsNotRead) {
  Node node("beside");
  Fill(&node);
  const fs::path directory = node.directories()[0];
  for (const char* name :
       {"manifest.json", "schema.cql", "nb-1-big-SAI+aa+ColumnComplete.db", "nb-1-big-SAI+aa+idx_title+TermsData.db",
        "nb-1-big-SI_x-y.db", "nb-1-big-Filter.db", "nb-1-big-Digest.crc32", "nb-1-big-TOC.txt",
        "backups/nb-90-big-Data.db", "snapshots/s/nb-91-big-Data.db", ".by_title/nb-92-big-Data.db",
        ".by_title/ma-93-big-Data.db", "nb-1-big-Statistics.db.tmp", "nb-94-big-SAI+aa+GroupMeta.db"}) {
    fs::create_directories((directory / name).parent_path());
    std::ofstream(directory / name) << "?";
  }
  const auto set = SstableSet::Open(node.directories(), Quick());
  ASSERT_TRUE(set.has_value()) << set.error().message;
  EXPECT_EQ(KeysOf(*set), kKeys);
  EXPECT_TRUE(set->unreadable().empty());
}

TEST(SstableSetTest, RefusesWhatIsTooOldByName) {
  Node node("old");
  node.Flush(1);
  for (const char* component : {"Data.db", "Statistics.db", "CompressionInfo.db"}) {
    std::ofstream(fs::path(node.directories()[0]) / ("me-7-big-" + std::string(component))) << "?";
  }
  const auto set = SstableSet::Open(node.directories(), Quick());
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(set.error().message, HasSubstr("upgradesstables"));
}

// The limit of open files is raised as far as it goes, and beyond that the message says what to do.
TEST(SstableSetTest, MakesRoomForItsFiles) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 70;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  Node node("files");
  Fill(&node);
  const auto set = SstableSet::Open(node.directories(), Quick());
  EXPECT_TRUE(set.has_value()) << set.error().message;
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_GT(after.rlim_cur, 70u);
  const Status status = MakeRoomForFiles(before.rlim_max, "the SSTables of a test");
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kIoError);
  EXPECT_THAT(status.error().message, HasSubstr("LimitNOFILE"));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace braid
