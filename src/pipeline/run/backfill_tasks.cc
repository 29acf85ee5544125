#include "pipeline/run/backfill_tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/cursor.h"
#include "base/vint.h"
#include "codec/sealed_file.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr SealedForm kForm = {.magic = "BRBF", .version = 1, .what = "list of backfills"};
// What ended and says nothing any more is kept for people to see.
constexpr size_t kKeptForPeople = 16;
// After something that a person must cure, and each time twice as long, up to the most.
constexpr int64_t kFirstRetryUs = 60'000'000;
constexpr int64_t kMostRetryUs = 6 * 3600 * int64_t{1'000'000};

void AppendTask(std::string* to, const BackfillTask& task) {
  AppendVint(to, task.id);
  to->append(task.table.view());
  AppendVint(to, task.name.size());
  to->append(task.name);
  AppendSignedVint(to, task.tokens.after.value);
  AppendSignedVint(to, task.tokens.through.value);
  to->push_back(static_cast<char>(task.cause));
  to->push_back(static_cast<char>(task.state));
  AppendSignedVint(to, task.asked_us);
  AppendVint(to, task.gaps.size());
  for (const uint64_t gap : task.gaps) AppendBigEndian(to, gap);
}

BackfillTask ReadTask(Cursor* from) {
  BackfillTask task;
  task.id = from->Vint();
  const ByteView table = from->Bytes(task.table.bytes.size());
  if (from->ok()) task.table = TableId::FromBytes(table);
  task.name = from->VintBytes();
  task.tokens.after.value = from->SignedVint();
  task.tokens.through.value = from->SignedVint();
  const uint8_t cause = from->U8();
  const uint8_t state = from->U8();
  if (cause > static_cast<uint8_t>(BackfillTask::Cause::kGap)) from->Fail("there is no such cause");
  if (state > static_cast<uint8_t>(BackfillTask::State::kCancelled)) from->Fail("there is no such state");
  task.cause = static_cast<BackfillTask::Cause>(cause);
  task.state = static_cast<BackfillTask::State>(state);
  task.asked_us = from->SignedVint();
  for (uint64_t left = from->Vint(); left > 0 && from->ok(); --left) task.gaps.push_back(from->U64());
  return task;
}

Result<BackfillTasks> Decode(ByteView content) {
  Cursor from(content);
  BackfillTasks tasks;
  tasks.next_id = from.Vint();
  for (uint64_t left = from.Vint(); left > 0 && from.ok(); --left) tasks.tasks.push_back(ReadTask(&from));
  TRY(FinishRecord(&from, kForm.what));
  return tasks;
}

// The tables of which `gap` may have taken something.
std::vector<const TableSchema*> TablesOf(const Gap& gap, const std::vector<const TableSchema*>& tables) {
  std::vector<const TableSchema*> concerned;
  for (const TableSchema* table : tables) {
    if (gap.table.empty() || gap.table == table->FullName()) concerned.push_back(table);
  }
  return concerned;
}

bool Heals(const BackfillTask& task, const TableSchema& table, const Gap& gap) {
  return task.table == table.table_id && task.tokens.all() && !task.compares &&
         std::ranges::find(task.gaps, gap.id) != task.gaps.end();
}

}  // namespace

BackfillTask* BackfillTasks::Find(uint64_t id) {
  const auto found = std::ranges::find(tasks, id, &BackfillTask::id);
  return found == tasks.end() ? nullptr : &*found;
}

std::vector<BackfillTask*> BackfillTasks::Unfinished(const TableId& table) {
  std::vector<BackfillTask*> unfinished;
  for (BackfillTask& task : tasks) {
    if (!task.ended() && task.table == table) unfinished.push_back(&task);
  }
  return unfinished;
}

BackfillTask& BackfillTasks::Add(BackfillTask task) {
  task.id = next_id++;
  return tasks.emplace_back(std::move(task));
}

void BackfillTasks::Forget(const std::vector<Gap>& open, const std::function<bool(const TableId&)>& unknown) {
  size_t ended = static_cast<size_t>(std::ranges::count_if(tasks, &BackfillTask::ended));
  std::erase_if(tasks, [&](const BackfillTask& task) {
    const bool counts = std::ranges::any_of(
        task.gaps, [&](uint64_t id) { return std::ranges::find(open, id, &Gap::id) != open.end(); });
    const bool unwanted = task.state == BackfillTask::State::kCancelled && !task.compares && unknown(task.table);
    if (!task.ended() || counts || unwanted || ended <= kKeptForPeople) return false;
    --ended;
    return true;
  });
}

const BackfillTask* BackfillTurns::Next(const BackfillTasks& tasks, int64_t now_us) const {
  std::vector<TableId> pausing;
  for (const BackfillTask& task : tasks.tasks) {
    if (task.state != BackfillTask::State::kWaiting) continue;
    const auto wait = waits_.find(task.id);
    const bool due = wait == waits_.end() || wait->second.until_us <= now_us;
    const bool follows = !task.compares && std::ranges::find(pausing, task.table) != pausing.end();
    if (due && !follows) return &task;
    if (!due && !task.compares) pausing.push_back(task.table);
  }
  return nullptr;
}

void BackfillTurns::Fail(uint64_t task, int64_t now_us) {
  Pause& pause = waits_[task];
  pause.pause_us = std::clamp(2 * pause.pause_us, kFirstRetryUs, kMostRetryUs);
  pause.until_us = now_us + pause.pause_us;
}

std::string BackfillsPath(const std::string& state) {
  return state + "/backfills";
}

Result<BackfillTasks> ReadBackfills(FileSystem* files, const std::string& state) {
  const std::string path = BackfillsPath(state);
  const auto content = ReadSealed(files, path, kForm);
  if (!content.has_value() && content.error().code == ErrorCode::kNotFound) return BackfillTasks();
  TRY(content);
  auto tasks = Decode(*content);
  if (!tasks.has_value()) return tasks.error().At(path);
  return tasks;
}

Status WriteBackfills(FileSystem* files, const std::string& state, const BackfillTasks& tasks) {
  std::string content;
  AppendVint(&content, tasks.next_id);
  AppendVint(&content, static_cast<uint64_t>(std::ranges::count(tasks.tasks, false, &BackfillTask::compares)));
  for (const BackfillTask& task : tasks.tasks) {
    if (!task.compares) AppendTask(&content, task);
  }
  return WriteSealed(files, BackfillsPath(state), kForm, content);
}

bool AddForGaps(const std::vector<Gap>& open, const std::vector<const TableSchema*>& tables, int64_t now_us,
                const std::function<bool(const BackfillTask&)>& begun, BackfillTasks* tasks) {
  bool any = false;
  for (const TableSchema* table : tables) {
    BackfillTask task{
        .table = table->table_id, .name = table->FullName(), .cause = BackfillTask::Cause::kGap, .asked_us = now_us};
    for (const Gap& gap : open) {
      const auto concerned = TablesOf(gap, {table});
      const auto heals = [&](const BackfillTask& other) { return Heals(other, *table, gap); };
      if (!concerned.empty() && !std::ranges::any_of(tasks->tasks, heals)) task.gaps.push_back(gap.id);
    }
    if (task.gaps.empty()) continue;
    any = true;
    const auto takes_more = [&](const BackfillTask& other) {
      return other.table == table->table_id && other.state == BackfillTask::State::kWaiting && other.tokens.all() &&
             !other.compares && !begun(other);
    };
    const auto waiting = std::ranges::find_if(tasks->tasks, takes_more);
    if (waiting == tasks->tasks.end()) {
      tasks->Add(std::move(task));
    } else {
      waiting->gaps.insert(waiting->gaps.end(), task.gaps.begin(), task.gaps.end());
    }
  }
  return any;
}

std::vector<Gap> Healed(const std::vector<Gap>& open, const std::vector<const TableSchema*>& tables,
                        const BackfillTasks& tasks) {
  std::vector<Gap> healed;
  for (const Gap& gap : open) {
    const auto concerned = TablesOf(gap, tables);
    const bool all = std::ranges::all_of(concerned, [&](const TableSchema* table) {
      return std::ranges::any_of(tasks.tasks, [&](const BackfillTask& task) {
        return task.state == BackfillTask::State::kDone && Heals(task, *table, gap);
      });
    });
    if (all) healed.push_back(gap);
  }
  return healed;
}

}  // namespace braid
