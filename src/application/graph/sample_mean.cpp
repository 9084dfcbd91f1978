#include "application/graph/sample_mean.hpp"

#include <algorithm>
#include <vector>

namespace kronwerk::application {
namespace {

using core::Index;
using operators::check_petsc;

}  // namespace

SampleMean::SampleMean(const communication::Communicator& comm, Index points) : points_(points) {
  Vec mean = nullptr;
  check_petsc(VecCreateMPI(comm.get(), PETSC_DECIDE, core::narrow<PetscInt>(points), &mean));
  mean_ = operators::Vector::adopt(mean);
  check_petsc(VecSet(mean, 0));
}

SampleMean::Window SampleMean::window(Index begin, Index size) const {
  Window result;
  result.size = std::min(size, points_);
  std::vector<PetscInt> positions(static_cast<std::size_t>(result.size));
  for (Index i = 0; i < result.size; ++i) {
    positions[static_cast<std::size_t>(i)] = core::narrow<PetscInt>((begin + i) % points_);
  }
  IS from = nullptr;
  check_petsc(ISCreateGeneral(PETSC_COMM_SELF, core::narrow<PetscInt>(result.size),
                              positions.data(), PETSC_COPY_VALUES, &from));
  const auto owned = Indices::adopt(from);
  Vec values = nullptr;
  check_petsc(VecCreateSeq(PETSC_COMM_SELF, core::narrow<PetscInt>(result.size), &values));
  result.values = operators::Vector::adopt(values);
  VecScatter scatter = nullptr;
  check_petsc(VecScatterCreate(mean_.get(), from, values, nullptr, &scatter));
  result.scatter = Scatter::adopt(scatter);
  return result;
}

void SampleMean::add(Index begin, std::span<const double> values) {
  const Window sums = window(begin, std::ssize(values));
  check_petsc(VecSet(sums.values.get(), 0));
  double* to = nullptr;
  check_petsc(VecGetArray(sums.values.get(), &to));
  for (Index i = 0; i < std::ssize(values); ++i) {
    to[i % sums.size] += values[static_cast<std::size_t>(i)];
  }
  check_petsc(VecRestoreArray(sums.values.get(), &to));
  check_petsc(VecScatterBegin(sums.scatter.get(), sums.values.get(), mean_.get(), ADD_VALUES,
                              SCATTER_REVERSE));
  check_petsc(VecScatterEnd(sums.scatter.get(), sums.values.get(), mean_.get(), ADD_VALUES,
                            SCATTER_REVERSE));
}

void SampleMean::finish(Index samples) {
  check_petsc(VecScale(mean_.get(), 1 / static_cast<double>(samples)));
}

void SampleMean::subtract(Index begin, std::span<double> values) const {
  const Window means = window(begin, std::ssize(values));
  check_petsc(VecScatterBegin(means.scatter.get(), mean_.get(), means.values.get(), INSERT_VALUES,
                              SCATTER_FORWARD));
  check_petsc(VecScatterEnd(means.scatter.get(), mean_.get(), means.values.get(), INSERT_VALUES,
                            SCATTER_FORWARD));
  const double* from = nullptr;
  check_petsc(VecGetArrayRead(means.values.get(), &from));
  for (Index i = 0; i < std::ssize(values); ++i) {
    values[static_cast<std::size_t>(i)] -= from[i % means.size];
  }
  check_petsc(VecRestoreArrayRead(means.values.get(), &from));
}

}  // namespace kronwerk::application
