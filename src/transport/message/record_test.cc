#include "transport/message/record.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

HostId Host(uint8_t first) {
  HostId host{};
  host[0] = first;
  return host;
}

std::string BytesOf(const HostId& host, const Message& message) {
  std::string bytes;
  AppendRecord(&bytes, host, "n1", message);
  return bytes;
}

Message At(Message::Kind kind) {
  Message message;
  message.kind = kind;
  message.position = {.node = {7}, .segment = {-5}, .offset = 1'000'000};
  return message;
}

TEST(TransportRecordTest, ATransactionComesBack) {
  Message message = At(Message::Kind::kTransaction);
  message.bytes = "anything";
  message.again = true;
  message.taken_in_us = 123'456'789;
  const auto record = DecodeRecord(BytesOf(Host(9), message));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->host, Host(9));
  EXPECT_EQ(record->message.kind, Message::Kind::kTransaction);
  EXPECT_EQ(record->message.bytes, "anything");
  EXPECT_TRUE(record->message.again);
  EXPECT_EQ(record->message.taken_in_us, 123'456'789);
  Message known = record->message;
  SetNode({7}, &known);
  EXPECT_EQ(known.position, message.position);
}

TEST(TransportRecordTest, ProgressCarriesTheWatermarkAndTheLabel) {
  Message message = At(Message::Kind::kProgress);
  message.time = {-3};
  const auto record = DecodeRecord(BytesOf(Host(1), message));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->message.kind, Message::Kind::kProgress);
  EXPECT_EQ(record->message.time, WriteTime{-3});
  EXPECT_EQ(record->label, "n1");
}

TEST(TransportRecordTest, ATruncationCarriesItsCut) {
  Message message = At(Message::Kind::kTruncation);
  message.table.bytes.fill(3);
  message.cut = {.node = {7}, .segment = {-9}, .offset = 77};
  message.time = {55};
  const auto record = DecodeRecord(BytesOf(Host(1), message));
  ASSERT_TRUE(record.has_value());
  Message known = record->message;
  SetNode({7}, &known);
  EXPECT_EQ(known.kind, Message::Kind::kTruncation);
  EXPECT_EQ(known.table, message.table);
  EXPECT_EQ(known.cut, message.cut);
  EXPECT_EQ(known.time, message.time);
}

TEST(TransportRecordTest, AGapIsOfItsNode) {
  Message message = At(Message::Kind::kGap);
  message.gap.id = 42;
  message.gap.node = {7};
  message.gap.from = {.node = {7}, .segment = {1}, .offset = 2};
  message.gap.to = {.node = {7}, .segment = {1}, .offset = 3};
  message.gap.detail = "lost";
  const auto one = DecodeRecord(BytesOf(Host(1), message));
  const auto again = DecodeRecord(BytesOf(Host(1), message));
  const auto other = DecodeRecord(BytesOf(Host(2), message));
  ASSERT_TRUE(one.has_value() && again.has_value() && other.has_value());
  EXPECT_EQ(one->message.gap.id, again->message.gap.id);
  EXPECT_NE(one->message.gap.id, other->message.gap.id);
  EXPECT_EQ(one->message.gap.node, NodeIndex{0});
  EXPECT_EQ(one->message.gap.detail, "lost");
  Message known = one->message;
  SetNode({5}, &known);
  EXPECT_EQ(known.gap.node, NodeIndex{5});
  EXPECT_EQ(known.gap.to, (Position{.node = {5}, .segment = {1}, .offset = 3}));
}

TEST(TransportRecordTest, WhatIsCutShortOrOfANewerBraidIsRefused) {
  Message message = At(Message::Kind::kTruncation);
  const std::string whole = BytesOf(Host(1), message);
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto record = DecodeRecord(ByteView(whole).substr(0, size));
    ASSERT_FALSE(record.has_value()) << size;
    EXPECT_EQ(record.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_EQ(DecodeRecord(whole + "x").error().code, ErrorCode::kCorrupt);
  std::string newer = whole;
  newer[0] = 2;
  EXPECT_EQ(DecodeRecord(newer).error().code, ErrorCode::kUnsupported);
  std::string other_kind = whole;
  other_kind[1] = 99;
  EXPECT_EQ(DecodeRecord(other_kind).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace braid
