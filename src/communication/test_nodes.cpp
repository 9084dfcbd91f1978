#include "communication/test_nodes.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace kronwerk::communication {
namespace {

constexpr const char* variable = "KRONWERK_TEST_NODES";

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw core::ConfigurationError(
      fmt::format("{}={}: {}; expected the ranks of each pretended node, such as 2+1 for three "
                  "ranks. This variable is for tests only: unset it",
                  variable, text, why));
}

}  // namespace

int pretended_node(const std::string& text, int rank, int ranks) {
  int node = -1;
  int count = 0;
  int total = 0;
  const char* const end = text.data() + text.size();
  for (const char* place = text.data();; ++place) {
    int size = 0;
    const auto [after, error] = std::from_chars(place, end, size);
    if (error != std::errc() || size < 1) refuse(text, "not a sum of positive numbers");
    if (size > ranks - total) refuse(text, fmt::format("more ranks than the job's {}", ranks));
    total += size;
    if (node < 0 && rank < total) node = count;
    ++count;
    place = after;
    if (place == end) break;
    if (*place != '+') refuse(text, "not a sum of positive numbers");
  }
  if (total != ranks) refuse(text, fmt::format("{} ranks, but the job has {}", total, ranks));
  return node;
}

std::optional<int> pretended_node(MPI_Comm comm) {
  // Rank 0's, for not every start-up brings the environment to every rank.
  constexpr std::size_t length = 256;
  std::array<char, length> text{};
  if (const char* value = std::getenv(variable)) std::strncpy(text.data(), value, length - 1);
  check_mpi(MPI_Bcast(text.data(), length, MPI_CHAR, 0, comm));
  if (text[0] == '\0') return std::nullopt;
  int rank = 0;
  int ranks = 1;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &ranks));
  return pretended_node(text.data(), rank, ranks);
}

}  // namespace kronwerk::communication
