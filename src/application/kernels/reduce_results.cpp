#include "application/kernels/reduce_results.hpp"

#include <fmt/format.h>

namespace kronwerk::application {
namespace {

using core::Extents;
using core::Index;
using kernels::ReductionRequest;

bool is_list(kernels::ReductionKind kind) {
  const std::string& name = kernels::to_text(kind);
  return name.find("kmin") != std::string::npos || name.find("kmax") != std::string::npos;
}

/// Of one point: the list and the components, where there are any.
Extents shape_of(const kernels::ReductionSetup& setup, const ReductionRequest& request) {
  Extents shape;
  if (is_list(request.kind)) shape.push_back(request.k);
  const int dimension = request.weight ? request.weight->dimension() : setup.formula.dimension();
  if (dimension > 1) shape.push_back(dimension);
  return shape;
}

}  // namespace

template <typename Use>
void ReduceResults::for_each(const Use& use) const {
  for (std::size_t r = 0; r < setup_.requests.size(); ++r) {
    const ReductionRequest& request = setup_.requests[r];
    const std::string path = "/result/" + kernels::to_text(request.kind);
    const bool values = kernels::gives_values(request.kind);
    const bool indices = kernels::gives_indices(request.kind);
    use(r, values ? path : "",
        !indices ? ""
        : values ? path + "_index"
                 : path,
        shape_of(setup_, request));
  }
}

std::vector<KeptBlocks::Dataset> ReduceResults::declare(io::ResultFile& file) const {
  std::vector<KeptBlocks::Dataset> datasets;
  for_each([&](std::size_t, const std::string& values, const std::string& indices, Extents shape) {
    const Index width = core::product(shape);
    shape.insert(shape.begin(), count_);
    if (!values.empty()) {
      file.create_dataset(values, shape);
      datasets.push_back({values, width});
    }
    if (!indices.empty()) {
      file.create_integer_dataset(indices, shape);
      datasets.push_back({indices, width});
    }
  });
  return datasets;
}

void ReduceResults::write(io::ResultFile& file, Index first,
                          const std::vector<kernels::ReductionResult>& results) {
  for_each([&](std::size_t r, const std::string& values, const std::string& indices,
               const Extents& shape) {
    const Index offset = first * core::product(shape);
    if (!values.empty()) {
      file.write_range(values, offset, results[r].values);
      statistics_[r].add(results[r].values);
    }
    if (!indices.empty()) file.write_integer_range(indices, offset, results[r].indices);
  });
}

std::vector<Statistics*> ReduceResults::statistics() {
  std::vector<Statistics*> all;
  for (Statistics& each : statistics_) all.push_back(&each);
  return all;
}

void ReduceResults::report(const communication::Communicator& comm, Report& report) const {
  for (std::size_t r = 0; r < statistics_.size(); ++r) {
    const auto kind = setup_.requests[r].kind;
    if (!kernels::gives_values(kind)) continue;
    report.line(
        fmt::format("result      {}: {}", kernels::to_text(kind), statistics_[r].text(comm)));
  }
}

}  // namespace kronwerk::application
