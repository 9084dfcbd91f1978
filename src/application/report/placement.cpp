#include "application/report/placement.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <numeric>

#include "kronwerk/core/text.hpp"

namespace kronwerk::application {

std::string host_name() {
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int length = 0;
  communication::check_mpi(MPI_Get_processor_name(name.data(), &length));
  return {name.data(), static_cast<std::size_t>(length)};
}

std::vector<std::string> gather_texts(const communication::Communicator& comm,
                                      const std::string& text) {
  const int length = core::narrow<int>(text.size());
  std::vector<int> lengths(comm.is_root() ? static_cast<std::size_t>(comm.size()) : 0);
  communication::check_mpi(
      MPI_Gather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, 0, comm.get()));
  std::vector<int> places(lengths.size(), 0);
  std::exclusive_scan(lengths.begin(), lengths.end(), places.begin(), 0);
  std::string all(lengths.empty() ? 0 : static_cast<std::size_t>(places.back() + lengths.back()),
                  ' ');
  communication::check_mpi(MPI_Gatherv(text.data(), length, MPI_CHAR, all.data(), lengths.data(),
                                       places.data(), MPI_CHAR, 0, comm.get()));
  std::vector<std::string> texts;
  for (std::size_t rank = 0; rank < lengths.size(); ++rank) {
    texts.push_back(all.substr(static_cast<std::size_t>(places[rank]),
                               static_cast<std::size_t>(lengths[rank])));
  }
  return texts;
}

namespace {

// Texts of a node travel as one.
constexpr char separator = '\n';

/// The processors that this rank may run on.
std::string own_processors() {
  constexpr int most = 1 << 16;
  const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(most),
                                                             [](cpu_set_t* s) { CPU_FREE(s); });
  const std::size_t bytes = CPU_ALLOC_SIZE(most);
  if (!set || sched_getaffinity(0, bytes, set.get()) != 0) return "unknown";
  std::vector<int> numbers;
  for (int number = 0; number < most; ++number) {
    if (CPU_ISSET_S(number, bytes, set.get())) numbers.push_back(number);
  }
  return ranges_text(numbers);
}

/// Its lines are the fields of a NodePlacement; on a node's first rank, "" on all others.
std::string describe_node(const communication::Communicator& comm) {
  const auto ranks = gather_texts(comm.node(), std::to_string(comm.rank()));
  const auto processors = gather_texts(comm.node(), own_processors());
  if (ranks.empty()) return "";
  std::vector<int> numbers;
  for (const std::string& rank : ranks) numbers.push_back(std::stoi(rank));
  return host_name() + separator + ranges_text(numbers) + separator + binding_text(processors);
}

}  // namespace

std::string ranges_text(std::span<const int> numbers) {
  std::vector<std::string> parts;
  for (std::size_t first = 0; first < numbers.size();) {
    std::size_t last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    parts.push_back(first == last ? fmt::format("{}", numbers[first])
                                  : fmt::format("{}-{}", numbers[first], numbers[last]));
    first = last + 1;
  }
  return core::join(parts, ",");
}

std::string binding_text(const std::vector<std::string>& processors) {
  const bool alike = std::ranges::all_of(
      processors, [&](const std::string& each) { return each == processors.front(); });
  const bool one = processors.front().find_first_of("-,") == std::string::npos;
  if (alike && (processors.size() > 1 || !one)) {
    return fmt::format("none (processors {})", processors.front());
  }
  return "to processors " + core::join(processors, "; ");
}

std::vector<NodePlacement> find_placement(const communication::Communicator& comm) {
  std::vector<NodePlacement> nodes;
  for (const std::string& text : gather_texts(comm, describe_node(comm))) {
    if (text.empty()) continue;
    const std::size_t first = text.find(separator);
    const std::size_t second = text.find(separator, first + 1);
    nodes.push_back({text.substr(0, first), text.substr(first + 1, second - first - 1),
                     text.substr(second + 1)});
  }
  return nodes;
}

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  return mpi_version({text.data(), static_cast<std::size_t>(length)});
}

std::string mpi_version(const std::string& library) {
  std::string name = library.substr(0, library.find_first_of(",\n"));
  // MPICH and those made from it: "MPICH Version:      4.0.2".
  const std::size_t word = name.find(" Version"), colon = name.find(':', word);
  if (word != std::string::npos && colon != std::string::npos) {
    const std::size_t number = name.find_first_not_of(" \t", colon + 1);
    name.replace(word, std::min(number, name.size()) - word, " ");
  }
  return name;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    return colon == std::string::npos ? "" : line.substr(colon + 2);
  }
  return "";
}

}  // namespace kronwerk::application
