#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/communication/shared_matrix.hpp"
#include "kronwerk/io/files/location.hpp"

namespace kronwerk::io {

/// All functions here are collective on `comm` and throw DataError on every rank or on none, naming
/// file and dataset (and the first bad position for NaN, Inf and broken CSR).

DatasetInfo inspect(const communication::Communicator& comm, const Location& location);

/// Whether there is something of this name. Collective.
bool holds(const communication::Communicator& comm, const Location& location);

/// Reads values.size() consecutive elements of the dataset, flattened in row-major order, from
/// `offset` on; offset and count may differ from rank to rank, count may be 0.
/// Integers and float32 are converted. NaN and Inf are refused unless `allow_nonfinite`.
void read_range(const communication::Communicator& comm, const Location& location,
                core::Index offset, std::span<double> values, bool allow_nonfinite = false);

/// A 2-D dataset, once per node.
communication::SharedDense read_dense(const communication::Communicator& comm,
                                      const Location& location);
/// A CSR group, once per node: columns sorted, duplicates summed.
communication::SharedSparse read_sparse(const communication::Communicator& comm,
                                        const Location& location);
/// Some fibres of a sparse dataset: fibre f has the entries offsets[f] … offsets[f + 1] - 1.
struct SparseFibres {
  std::vector<core::Index> offsets{0};  ///< fibres + 1
  std::vector<std::int32_t> columns;    ///< within the fibre; ascending, each once
  std::vector<double> values;
};

/// Vectors that a CSR group (m, N) holds as rows, each cut into N / length fibres: the fibres
/// [first, first + count) of all m N / length. first and count may differ from rank to rank, count
/// may be 0. Each rank reads the rows that its fibres belong to, piece by piece, and keeps what it
/// asked for. Columns are sorted, duplicates summed; broken rows are refused by number.
/// @param length  divides N; below 2³¹
SparseFibres read_sparse_fibres(const communication::Communicator& comm, const Location& location,
                                core::Index length, core::Index first, core::Index count);

/// The datasets of one number directly below a group, by name, on every rank.
std::map<std::string, double> read_numbers(const communication::Communicator& comm,
                                           const Location& group);

/// A 1-D dataset on every rank.
std::vector<double> read_vector(const communication::Communicator& comm, const Location& location);

/// A string dataset (fixed or variable length) on every rank; used for ids.
std::vector<std::string> read_strings(const communication::Communicator& comm,
                                      const Location& location);

}  // namespace kronwerk::io
