#pragma once

#include <span>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// Ascending numbers as "0-3,8".
std::string ranges_text(std::span<const int> numbers);

/// A node and what runs there.
struct NodePlacement {
  std::string host;
  std::string ranks;    ///< "0-3"
  std::string binding;  ///< "to processors 0; 1; 2; 3", or "none (processors 0-3)"
};

/// "none (processors 0-3)" if all ranks of the node may run on the same processors and there are
/// several ranks or processors, else the processors of each.
std::string binding_text(const std::vector<std::string>& processors);

/// On rank 0 in the order of the nodes' first ranks, empty on all others. Collective.
std::vector<NodePlacement> find_placement(const communication::Communicator& comm);

/// The name of this rank's host. Local.
std::string host_name();

/// The texts of all ranks on rank 0, empty on all others. Collective.
std::vector<std::string> gather_texts(const communication::Communicator& comm,
                                      const std::string& text);

/// The processor's name as the kernel gives it, "" if it gives none. Local.
std::string processor_name();

/// "Open MPI v4.1.4" or "MPICH 4.0.2". Local.
std::string mpi_version();
/// The same of what a library says of itself, perhaps on many lines.
std::string mpi_version(const std::string& library);

}  // namespace kronwerk::application
