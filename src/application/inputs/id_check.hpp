#pragma once

#include <map>
#include <string>
#include <vector>

#include "application/inputs/kernel_matrix.hpp"
#include "kronwerk/expressions/expression.hpp"

namespace kronwerk::application {

struct Problem;

/// What a job combines position by position must have the same ids there, wherever its files list
/// them (io/mode_ids.hpp): the matrices and kernels that meet in a mode of the formula, the input,
/// cotangent and directions, observations, masks and regressors.
///
/// All are collective and read the lists on rank 0. @throws DataError on every rank, naming both
/// lists and the command that puts one in the order of the other.
void check_ids(const communication::Communicator& comm, const Problem& problem);
/// Of a Gaussian model. @param data  of the matrices, by their names
void check_ids(const communication::Communicator& comm, const configuration::Job& job,
               const expressions::Expression& covariance,
               const std::map<std::string, io::DatasetInfo>& data,
               const std::map<std::string, KernelMatrix>& kernels);
/// Of a flow model, with what its columns name along the modes of origins (0) and destinations (1):
/// vectors along one, grids along both, and diagonals along both. A vector may stand behind
/// matrices, the first of which has its rows along the mode.
struct NameAlongModes {
  struct Matrix {
    std::string name;
    bool transposed = false;
  };
  std::string name;
  std::vector<std::size_t> modes;
  std::vector<Matrix> matrices;
};
void check_ids(const communication::Communicator& comm, const Problem& problem,
               const std::vector<NameAlongModes>& columns);
/// Of the points of a reduction: variables with the same index.
void check_ids(const communication::Communicator& comm, const configuration::Job& job,
               const PointVariables& variables);
/// Of data along the modes of one grid. Returns the ids of every mode, on every rank: empty where
/// there are none.
struct AlongModes {
  std::string what;  ///< "'input'"
  io::DatasetInfo info;
  std::vector<int> modes;  ///< of each dimension; -1 for one that is no mode
};
std::vector<std::vector<std::string>> check_ids(const communication::Communicator& comm,
                                                const configuration::Job& job, std::size_t modes,
                                                const std::vector<AlongModes>& data);

}  // namespace kronwerk::application
