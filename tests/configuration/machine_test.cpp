#include "kronwerk/configuration/machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "kronwerk/core/error.hpp"

namespace kronwerk::configuration {
namespace {

RateTable some_rates() {
  return {{16, 256}, {10, 60}, {9, 50}};
}

Machine some_machine() {
  Machine machine;
  machine.date = "2026-01-02T03:04:05Z";
  machine.version = "0.1.0";
  machine.commit = "1234abc";
  machine.processor = "a \"fast\" one";
  machine.mpi = "some MPI";
  machine.hosts = {"first", "second"};
  machine.ranks = 4;
  machine.nodes = 2;
  machine.ranks_per_node = 2;
  for (RateTable Machine::*table :
       {&Machine::dense_last_mode, &Machine::dense_other_mode, &Machine::sparse_last_mode,
        &Machine::sparse_other_mode, &Machine::substitution_last_mode,
        &Machine::substitution_other_mode, &Machine::dgemm, &Machine::eigenvectors,
        &Machine::eigenvalues, &Machine::eigenvalues_together, &Machine::eigenvectors_together}) {
    machine.*table = some_rates();
  }
  for (Rate Machine::*rate :
       {&Machine::sparse_factorisation, &Machine::kernel_pairs, &Machine::random_numbers,
        &Machine::checked_values, &Machine::memory_copy, &Machine::cache_copy,
        &Machine::first_touch, &Machine::touch_again, &Machine::shared_first_touch,
        &Machine::exchange, &Machine::file_read, &Machine::file_write}) {
    machine.*rate = {8, 5};
  }
  machine.within_node = {1, 5, 900};
  machine.between_nodes = {2, 1, 500};
  machine.reduction_ranks = {2, 4};
  machine.reduction_microseconds = {1.5, 3};
  machine.file_open_milliseconds = machine.file_create_milliseconds = 2;
  machine.file_sync_milliseconds = 3;
  machine.file_sync_gigabytes_per_second = 1;
  machine.loading_seconds = 0.125;
  machine.mpi_start_seconds = 0.25;
  return machine;
}

/// Puts `to` in the place of the first `from`.
std::string changed(const std::string& from, const std::string& to) {
  std::string text = to_yaml(some_machine());
  const std::size_t place = text.find(from);
  if (place == std::string::npos) throw core::InternalError("'" + from + "' is not there");
  return text.replace(place, from.size(), to);
}

std::string message_of(const std::string& text) {
  try {
    static_cast<void>(parse_machine(text, "machine.yaml"));
  } catch (const core::ConfigurationError& error) {
    return error.what();
  }
  return "";
}

void expect_refused(const std::string& text, const std::string& with) {
  const std::string message = message_of(text);
  EXPECT_NE(message.find(with), std::string::npos) << message;
  EXPECT_TRUE(message.starts_with("machine.yaml")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(MachineFile, IsReadAsItWasWritten) {
  const std::string text = to_yaml(some_machine());
  const Machine machine = parse_machine(text, "machine.yaml");
  EXPECT_EQ(to_yaml(machine), text);
  EXPECT_EQ(machine.processor, "a \"fast\" one");
  EXPECT_EQ(machine.dgemm.all_ranks, (std::vector<double>{9, 50}));
  EXPECT_EQ(machine.between_nodes.kilomessages_per_second, 500);
  EXPECT_EQ(machine.mpi_start_seconds, 0.25);
}

TEST(MachineFile, OfOneNodeHasNoMessagesBetweenNodes) {
  Machine machine = some_machine();
  machine.between_nodes = {};
  const std::string text = to_yaml(machine);
  EXPECT_EQ(text.find("between_nodes"), std::string::npos);
  EXPECT_EQ(parse_machine(text, "machine.yaml").between_nodes.latency_microseconds, 0);
}

TEST(MachineFile, NamesTheUnitsOfItsNumbers) {
  const std::string text = to_yaml(some_machine());
  for (const char* key : {"all_ranks_gigaflops", "latency_microseconds", "gigabytes_per_second",
                          "million_per_second", "loading_seconds", "sync_milliseconds"}) {
    EXPECT_NE(text.find(key), std::string::npos) << key;
  }
}

TEST(MachineFile, WithUnknownOrMissingKeysIsRefused) {
  expect_refused(changed("memory_copy:", "memory_copie:"), "did you mean 'memory_copy'?");
  expect_refused(changed("  latency_microseconds: 1\n", ""),
                 "'within_node.latency_microseconds' is missing");
  expect_refused(changed("mpi_seconds", "mpi_second"), "in 'start_up'");
  expect_refused(changed("reduction:", "#"), "unknown key");
}

TEST(MachineFile, WithOtherThanPositiveNumbersIsRefused) {
  expect_refused(changed("one_rank_million_per_second: 8", "one_rank_million_per_second: 0"),
                 "a positive number was expected");
  expect_refused(changed("one_rank_million_per_second: 8", "one_rank_million_per_second: .inf"),
                 "is no number");
  expect_refused(changed("one_rank_million_per_second: 8", "one_rank_million_per_second: fast"),
                 "is no number");
  expect_refused(changed("microseconds: [1.5, 3]", "microseconds: 3"), "is no list of numbers");
  expect_refused(changed("nodes: 2", "nodes: 5"), "than ranks");
}

TEST(MachineFile, WithListsThatDoNotBelongTogetherIsRefused) {
  expect_refused(changed("microseconds: [1.5, 3]", "microseconds: [1.5]"),
                 "'reduction.microseconds' has 1 numbers, but 'reduction.ranks' has 2");
  expect_refused(changed("ranks: [2, 4]", "ranks: [4, 4]"), "does not ascend");
}

TEST(MachineFile, ThatIsNoMapIsRefused) {
  expect_refused("[1, 2]", "is no map of keys");
  expect_refused("", "empty");
  expect_refused(changed("start_up:", "start_up: 3 #"), "");
}

}  // namespace
}  // namespace kronwerk::configuration
