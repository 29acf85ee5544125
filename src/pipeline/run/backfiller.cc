#include "pipeline/run/backfiller.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/check.h"
#include "codec/mutation.h"
#include "pipeline/run/hosts.h"
#include "pipeline/run/node_table.h"
#include "pipeline/run/pace.h"
#include "pipeline/shard/past.h"

namespace braid {
namespace {

// What may wait on a shard's channel when a piece is added: live writes must not wait long behind them.
constexpr uint64_t kMostWaitingBytes = uint64_t{1} << 20;
// And what part of the channel, so that capture always has room.
constexpr uint64_t kWaitingShare = 4;
constexpr auto kPause = std::chrono::milliseconds(2);

bool IsBusy(const Channel& channel) {
  const uint64_t held = channel.held_bytes();
  return held > std::min(kMostWaitingBytes, (held + channel.room_bytes()) / kWaitingShare);
}

Error Ended() {
  return {ErrorCode::kTransient, "it was stopped"};
}

}  // namespace

void Backfiller::Start(Job job) {
  CHECK(!progress().running);
  Stop();
  job_ = std::move(job);
  stop_ = false;
  {
    const std::lock_guard lock(mutex_);
    progress_ = {.running = true, .since_us = WallClockUs()};
  }
  thread_ = std::thread([this] { Run(); });
}

void Backfiller::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

Backfiller::Progress Backfiller::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

bool Backfiller::Ends() const {
  return stop_ || !job_.wanted();
}

void Backfiller::Run() {
  std::string missing;
  const Status given = Give(&missing);
  const bool ends = Ends();
  const std::lock_guard lock(mutex_);
  progress_.running = false;
  progress_.ended = given.has_value() && missing.empty();
  if (!given.has_value() && !ends) missing = given.error().message;
  progress_.problem = missing;
}

Message Backfiller::MakeMessage(Message::Kind kind) const {
  Message message;
  message.kind = kind;
  message.table = job_.task.table;
  message.snapshot = {
      .task = job_.task.id, .attempt = job_.attempt, .repair = job_.repair, .compare = job_.task.compares};
  return message;
}

Status Backfiller::Push(uint32_t shard, Message message) {
  while (IsBusy(*job_.shards[shard].channel)) {
    if (Ends()) return Ended();
    std::this_thread::sleep_for(kPause);
  }
  return job_.shards[shard].channel->Push(std::move(message)) ? Status() : Status(Ended());
}

Status Backfiller::Give(std::string* missing) {
  const auto shards = static_cast<uint32_t>(job_.shards.size());
  const TokenRange& tokens = job_.task.tokens;
  // Shards begin to look at what live writes touch before anything is opened, so that whatever they took in before is
  // in the files.
  job_.files.tokens = {.after = tokens.through, .through = tokens.through};
  for (uint32_t shard = 0; shard < shards; ++shard) {
    const ShardPlace& place = job_.shards[shard];
    if (place.done) continue;
    Message begin = MakeMessage(Message::Kind::kSnapshotBegin);
    begin.snapshot.token = std::max(tokens.after, TokensOf(shard, shards).after);
    TRY(Push(shard, std::move(begin)));
    const Token after{place.from.value == INT64_MIN ? INT64_MIN : place.from.value - 1};
    job_.files.tokens.after = std::min(job_.files.tokens.after, after);
  }
  job_.files.stop = [this] { return Ends(); };
  ASSIGN_OR_RETURN(const auto snapshot, TableSnapshot::Open(job_.files));
  {
    const std::lock_guard lock(mutex_);
    progress_.total_bytes = snapshot->total_bytes();
  }
  const int64_t opened_us = WallClockUs();
  while (job_.task.compares && !job_.caught_up(opened_us)) {
    if (Ends()) return Ended();
    std::this_thread::sleep_for(kPause);
  }
  TRY(GivePieces(snapshot.get()));
  *missing = snapshot->missing();
  for (uint32_t shard = 0; shard < shards; ++shard) {
    if (job_.shards[shard].done) continue;
    Message end = MakeMessage(Message::Kind::kSnapshotEnd);
    end.snapshot.whole = missing->empty();
    end.snapshot.token = std::min(tokens.through, TokensOf(shard, shards).through);
    end.snapshot.done = missing->empty();
    TRY(Push(shard, std::move(end)));
  }
  return {};
}

Status Backfiller::GivePieces(TableSnapshot* snapshot) {
  const Pace pace(job_.rate_bytes);
  while (true) {
    const uint64_t read_bytes = snapshot->read_bytes();
    {
      const std::lock_guard lock(mutex_);
      progress_.read_bytes = read_bytes;
    }
    if (!pace.Await(read_bytes, [this] { return Ends(); })) return Ended();
    ASSIGN_OR_RETURN(const SstablePiece* piece, snapshot->Next());
    if (piece == nullptr) return {};
    const uint32_t shard = ShardOf(piece->mutation.token, static_cast<uint32_t>(job_.shards.size()));
    const ShardPlace& place = job_.shards[shard];
    if (place.done || piece->mutation.token < place.from) continue;
    Message message = MakeMessage(Message::Kind::kSnapshotPiece);
    message.snapshot.whole = snapshot->missing().empty();
    message.snapshot.first = piece->first;
    message.snapshot.last = piece->last;
    AppendTransaction(&message.bytes, {.position = {}, .mutations = {&piece->mutation, 1}});
    TRY(Push(shard, std::move(message)));
  }
}

}  // namespace braid
