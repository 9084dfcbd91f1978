#include "application/inputs/orientation.hpp"

#include <fmt/format.h>

#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::application {

std::vector<std::string> doubtful_orientations(
    const communication::Communicator& comm, const std::map<std::string, io::DatasetInfo>& data,
    const std::map<std::string, factors::FactorPtr>& matrices) {
  std::vector<std::string> warnings;
  for (const auto& [name, info] : data) {
    const auto found = matrices.find(name);
    const bool fits_both = info.sparse && !info.encoded && info.shape[0] == info.shape[1];
    if (!fits_both || found == matrices.end()) continue;
    if (factors::find_symmetry(comm, *found->second).symmetric) continue;
    warnings.push_back(fmt::format(
        "{}:{} does not say whether it is stored by rows or by columns (attribute encoding-type), "
        "and '{}' is not symmetric: it is read by rows (csr_matrix); if it was written by columns, "
        "use {}'",
        info.location.file, info.location.dataset, name, name));
  }
  return warnings;
}

}  // namespace kronwerk::application
