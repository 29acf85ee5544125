// Asks a schema registry as a worker does, for registry_test.py.
//
//   braid_registry_probe register SUBJECT URL…   the schema on standard input; prints its id
//   braid_registry_probe schema ID URL…          prints the schema
//
// Exit 1, with the error on standard error, if it fails. BRAID_REGISTRY_USER and _PASSWORD: whom it says it is.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>

#include "deliver/registry/avro_registry.h"

namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

int Fail(const braid::Error& error) {
  std::cerr << braid::ErrorCodeName(error.code) << ": " << error.message << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (argc < 4 || (verb != "register" && verb != "schema")) {
    std::fputs("usage: braid_registry_probe register SUBJECT URL… | schema ID URL…\n", stderr);
    return 2;
  }
  braid::AvroRegistryOptions options;
  options.urls.assign(argv + 3, argv + argc);
  options.user = Environment("BRAID_REGISTRY_USER");
  options.password = braid::Secret(Environment("BRAID_REGISTRY_PASSWORD"));
  auto registry = braid::AvroRegistry::Make(std::move(options));
  if (!registry.has_value()) return Fail(registry.error());
  if (verb == "register") {
    const std::string schema{std::istreambuf_iterator<char>(std::cin), {}};
    const auto id = (*registry)->Register(argv[2], schema);
    if (!id.has_value()) return Fail(id.error());
    std::cout << *id << "\n";
    return 0;
  }
  int32_t id = 0;
  const std::string_view digits = argv[2];
  std::from_chars(digits.data(), digits.data() + digits.size(), id);
  const auto schema = (*registry)->Schema(id);
  if (!schema.has_value()) return Fail(schema.error());
  std::cout << *schema << "\n";
  return 0;
}
