#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "cli/commands.h"

namespace braid {
namespace {

constexpr int kBarWidth = 30;

}  // namespace

ProgressBar::ProgressBar() : shown_(::isatty(STDERR_FILENO) == 1) {}

void ProgressBar::Clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void ProgressBar::Draw(const char* step, double done) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  const int filled = static_cast<int>(done * kBarWidth);
  fmt::print(stderr, "\r\033[K{:<10} [{:-<{}}{:.<{}}] {:3.0f}%", step, "", filled, "", kBarWidth - filled, done * 100);
  std::fflush(stderr);
}

StopOnSignal::StopOnSignal() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) { caught_ = signal; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

StopOnSignal::~StopOnSignal() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

int FailOrDie(const Error& error) {
  const int code = Fail(error);
  if (StopOnSignal::caught() != 0) std::raise(StopOnSignal::caught());
  return code;
}

std::string Plural(uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace braid
