#pragma once

#include "kronwerk/prediction/pricing.hpp"

namespace kronwerk::prediction {

/// Round numbers, not of any machine: two nodes of four ranks were measured, which slow each other
/// down by a half where they share memory.
inline configuration::Machine some_machine() {
  using configuration::Machine;
  Machine machine;
  machine.ranks = 8;
  machine.nodes = 2;
  machine.ranks_per_node = 4;
  for (configuration::RateTable Machine::*table :
       {&Machine::dense_last_mode, &Machine::dense_other_mode, &Machine::dgemm,
        &Machine::eigenvectors, &Machine::eigenvalues, &Machine::eigenvalues_together,
        &Machine::eigenvectors_together}) {
    machine.*table = {{16, 1024}, {10, 40}, {10, 40}};
  }
  for (configuration::RateTable Machine::*table :
       {&Machine::sparse_last_mode, &Machine::sparse_other_mode, &Machine::substitution_last_mode,
        &Machine::substitution_other_mode}) {
    machine.*table = {{8, 32}, {4, 8}, {2, 4}};
  }
  machine.sparse_factorisation = {10, 10};
  machine.kernel_pairs = {1000, 1000};
  machine.random_numbers = {100, 100};
  machine.checked_values = {200, 200};
  machine.memory_copy = {10, 5};
  machine.cache_copy = {40, 40};
  machine.first_touch = {4, 2};
  machine.touch_again = {8, 4};
  machine.shared_first_touch = {4, 2};
  machine.exchange = {8, 4};
  machine.within_node = {1, 4, 1000};
  machine.between_nodes = {2, 1, 500};
  machine.reduction_ranks = {2, 4, 8};
  machine.reduction_microseconds = {2, 3, 8};
  machine.file_open_milliseconds = 1;
  machine.file_create_milliseconds = 5;
  machine.file_read = {2, 1};
  machine.file_write = {2, 1};
  machine.file_sync_milliseconds = 10;
  machine.file_sync_gigabytes_per_second = 1;
  machine.loading_seconds = 0.1;
  machine.mpi_start_seconds = 0.3;
  return machine;
}

}  // namespace kronwerk::prediction
