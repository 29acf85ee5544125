// What tests of the configuration share.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "control/config.h"

namespace braid {

inline constexpr char kKey[] = "0123456789abcdef0123456789abcdef";

// A directory with two nodes' homes, a key file, and a configuration that uses them.
class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "braid_config_test.XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    for (const char* node : {"n1", "n2"}) {
      for (const char* part : {"cdc_raw", "commitlog", "data"})
        std::filesystem::create_directories(root_ / node / part);
    }
    Write("key", std::string(kKey) + "\n", 0600);
  }
  ~ConfigTest() override { std::filesystem::remove_all(root_); }

  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0644) {
    const std::filesystem::path path = root_ / name;
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }

  Result<Config> Read(const std::string& text, ConfigUse use = ConfigUse::kRun) {
    return ReadConfig(Write("braid.yaml", text), use);
  }

  // What is wrong with the text, without the file's own path.
  std::string Mistakes(const std::string& text, ConfigUse use = ConfigUse::kRun) {
    const Result<Config> config = Read(text, use);
    if (config.has_value()) return "";
    std::string message = config.error().message;
    const std::string prefix = root_ / "braid.yaml:";
    for (size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix, at)) {
      message.erase(at, prefix.size());
    }
    return message;
  }

  std::filesystem::path root_;
};

inline constexpr char kLeast[] =
    "name: movies\n"
    "source:\n"
    "  nodes: [{name: n1, home: n1}, {name: n2, home: n2}]\n"
    "state: state\n";

// A wrong text and what its message must say.
struct Wrong {
  const char* text;
  const char* message;
};

}  // namespace braid
