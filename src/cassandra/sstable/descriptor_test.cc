#include "cassandra/sstable/descriptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

using testing::HasSubstr;

TEST(DescriptorTest, TakesNamesApart) {
  const auto name = ParseComponentName("/d", "nb-12-big-Data.db");
  ASSERT_TRUE(name.has_value() && name->has_value());
  EXPECT_EQ((*name)->component, "Data.db");
  const Descriptor& descriptor = (*name)->descriptor;
  EXPECT_EQ(descriptor.version, SstableVersion::kNb);
  EXPECT_EQ(descriptor.generation, "12");
  EXPECT_EQ(descriptor.format, SstableFormat::kBig);
  EXPECT_EQ(descriptor.ComponentPath("Statistics.db"), "/d/nb-12-big-Statistics.db");
}

TEST(DescriptorTest, TakesTimeBasedGenerationsAndBti) {
  const auto name = ParseComponentName("d", "da-3gqw_1a2b_3k4l5m6n7o8p9qrstu-bti-Partitions.db");
  ASSERT_TRUE(name.has_value() && name->has_value());
  EXPECT_EQ((*name)->descriptor.Base(), "da-3gqw_1a2b_3k4l5m6n7o8p9qrstu-bti");
  EXPECT_EQ((*name)->descriptor.format, SstableFormat::kBti);
}

TEST(DescriptorTest, KeepsDashesOfComponents) {
  const auto name = ParseComponentName("d", "oa-1-big-SAI+aa+by-name+Meta.db");
  ASSERT_TRUE(name.has_value() && name->has_value());
  EXPECT_EQ((*name)->component, "SAI+aa+by-name+Meta.db");
}

TEST(DescriptorTest, PassesOverOtherFiles) {
  for (const char* other : {"manifest.json", "nb_txn_flush_5a1c395e-b41f-11e5-9f22-ba0be0483c18.log", "schema.cql", "",
                            "nb-1-big", "nb-X1-big-Data.db", "nb-1-bigger-Data.db"}) {
    const auto name = ParseComponentName("d", other);
    ASSERT_TRUE(name.has_value()) << other;
    EXPECT_FALSE(name->has_value()) << other;
  }
}

TEST(DescriptorTest, NamesTheCureForOldVersions) {
  for (const char* old : {"ma-1-big-Data.db", "me-7-big-Statistics.db", "la-3-big-Data.db", "ks-t-ka-4-Data.db"}) {
    const auto name = ParseComponentName("/data", old);
    ASSERT_FALSE(name.has_value()) << old;
    EXPECT_EQ(name.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(name.error().message, HasSubstr("nodetool upgradesstables"));
    EXPECT_THAT(name.error().message, HasSubstr(old));
  }
}

TEST(DescriptorTest, RefusesNewerVersionsByName) {
  for (const char* newer : {"nc-1-big-Data.db", "ob-1-big-Data.db", "pa-1-big-Data.db", "db-1-bti-Data.db"}) {
    const auto name = ParseComponentName("d", newer);
    ASSERT_FALSE(name.has_value()) << newer;
    EXPECT_EQ(name.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(name.error().message, HasSubstr(std::string(newer, 2)));
  }
}

TEST(DescriptorTest, PathsMustNameAComponent) {
  EXPECT_EQ(ParseComponentPath("/x/nb-1-big-Data.db")->descriptor.directory, "/x");
  EXPECT_EQ(ParseComponentPath("nb-1-big-Data.db")->descriptor.ComponentPath("CRC.db"), "nb-1-big-CRC.db");
  EXPECT_EQ(ParseComponentPath("/x/y.txt").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace braid
