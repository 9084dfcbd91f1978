#pragma once

#include <string>
#include <vector>

namespace kronwerk::configuration {

/// What a rank does per second, alone and while every rank of its node does the same; in the unit
/// that the machine file names.
struct Rate {
  double one_rank = 0;
  double all_ranks = 0;
};

/// Rates that depend on a size, for ascending sizes.
struct RateTable {
  std::vector<double> sizes;
  std::vector<double> one_rank;
  std::vector<double> all_ranks;
};

/// Messages between two ranks.
struct Link {
  double latency_microseconds = 0;     ///< half of the way there and back of an empty message
  double gigabytes_per_second = 0;     ///< each way of each rank, while all ranks send
  double kilomessages_per_second = 0;  ///< of each rank, of 64 bytes, while all ranks send
};

/// What `kronwerk measure` found: the numbers that times are predicted from. The comments of
/// to_yaml() say what each of them means.
struct Machine {
  std::string date;
  std::string version;
  std::string commit;
  std::string processor;
  std::string mpi;
  std::vector<std::string> hosts;
  double ranks = 1;
  double nodes = 1;
  double ranks_per_node = 1;  ///< of the fullest node

  RateTable dense_last_mode;          ///< gigaflops by extent
  RateTable dense_other_mode;         ///< gigaflops by extent
  RateTable sparse_last_mode;         ///< gigaflops by entries per row
  RateTable sparse_other_mode;        ///< gigaflops by entries per row
  RateTable substitution_last_mode;   ///< gigaflops by entries per row of the sparse factor
  RateTable substitution_other_mode;  ///< gigaflops by entries per row of the sparse factor
  RateTable dgemm;                    ///< gigaflops by extent
  RateTable eigenvectors;             ///< gigaflops by extent, n³ each
  RateTable eigenvalues;              ///< gigaflops by extent, n³ each
  RateTable eigenvalues_together;     ///< likewise without vectors
  RateTable eigenvectors_together;    ///< gigaflops by extent, n³, of all ranks on one matrix
  Rate sparse_factorisation;          ///< million stored entries of the matrix
  Rate kernel_pairs;                  ///< million pairs of exp(-sqdist(x, y)), two coordinates
  Rate random_numbers;                ///< million normal ones
  Rate checked_values;                ///< million values looked through for the report
  Rate memory_copy;                   ///< gigabytes read and written
  Rate cache_copy;                    ///< the same within a core's cache
  Rate first_touch;                   ///< gigabytes of private memory
  Rate touch_again;                   ///< gigabytes of memory that was given back a moment ago
  Rate shared_first_touch;            ///< gigabytes of memory shared by a node
  Rate exchange;                      ///< gigabytes of a redistribution, each way
  Link within_node;                   ///< zeros if no node had several ranks
  Link between_nodes;                 ///< zeros if there was one node
  std::vector<double> reduction_ranks;
  std::vector<double> reduction_microseconds;  ///< of a sum of one number
  double file_open_milliseconds = 0;
  double file_create_milliseconds = 0;
  Rate file_read;   ///< gigabytes
  Rate file_write;  ///< gigabytes
  double file_sync_milliseconds = 0;
  double file_sync_gigabytes_per_second = 0;
  double loading_seconds = 0;  ///< the program and its libraries
  double mpi_start_seconds = 0;
};

/// @param file  for messages
/// @throws ConfigurationError "file:line: …" for anything but what to_yaml() writes with other
/// numbers
Machine parse_machine(const std::string& text, const std::string& file);

/// The machine file: a map of sections, with a comment on each.
std::string to_yaml(const Machine& machine);

}  // namespace kronwerk::configuration
