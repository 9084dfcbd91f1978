#include "application/inputs/orientation.hpp"

#include <fmt/format.h>

#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::application {

std::vector<std::string> doubtful_orientations(
    const communication::Communicator& comm, const std::map<std::string, io::DatasetInfo>& data,
    const std::map<std::string, factors::FactorPtr>& matrices) {
  std::vector<std::string> fitting_both;
  std::vector<factors::FactorPtr> candidates;
  for (const auto& [name, info] : data) {
    const auto found = matrices.find(name);
    const bool fits_both = info.sparse && !info.encoded && info.shape[0] == info.shape[1];
    if (!fits_both || found == matrices.end()) continue;
    fitting_both.push_back(name);
    candidates.push_back(found->second);
  }
  factors::analyse_symmetry(comm, candidates, factors::SymmetryDetail::scale);
  std::vector<std::string> warnings;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i]->symmetry()->symmetric) continue;
    const std::string& name = fitting_both[i];
    const io::DatasetInfo& info = data.at(name);
    warnings.push_back(fmt::format(
        "{}:{} does not say whether it is stored by rows or by columns (attribute encoding-type), "
        "and '{}' is not symmetric: it is read by rows (csr_matrix); if it was written by columns, "
        "use {}'",
        info.location.file, info.location.dataset, name, name));
  }
  return warnings;
}

}  // namespace kronwerk::application
