#pragma once

#include <string>
#include <vector>

#include "io/hdf5/test_files.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/io/import/import.hpp"

namespace kronwerk {

using Dense = std::vector<double>;
using Strings = std::vector<std::string>;

/// Importers are serial; every np runs them on rank 0 and reads the outcome on all ranks.
class Import : public test::InDirectory {
 protected:
  io::ImportTarget to(const std::string& path, bool overwrite = false) const {
    return {.location = {output_, path}, .overwrite = overwrite};
  }
  template <typename Options>
  Options options_of(const std::string& text) const {
    Options options;
    options.file = test::write_text(input_, text);
    options.target = to("/x", true);
    return options;
  }
  std::string order_file(const std::string& text) const {
    return test::write_text(directory_ / "order.txt", text);
  }

  Dense values(const std::string& path) {
    const auto info = io::inspect(comm_, {output_, path});
    Dense result(static_cast<std::size_t>(core::product(info.shape)));
    io::read_range(comm_, {output_, path}, 0, result);
    return result;
  }
  Strings strings(const std::string& path) { return io::read_strings(comm_, {output_, path}); }
  Dense dense_of_sparse(const std::string& path) {
    const auto matrix = io::read_sparse(comm_, {output_, path});
    Dense result(static_cast<std::size_t>(matrix.rows * matrix.cols));
    for (core::Index row = 0; row < matrix.rows; ++row) {
      for (auto i = matrix.row_offsets.span()[static_cast<std::size_t>(row)];
           i < matrix.row_offsets.span()[static_cast<std::size_t>(row) + 1]; ++i) {
        const auto column = matrix.column_indices.span()[static_cast<std::size_t>(i)];
        result[static_cast<std::size_t>(row * matrix.cols + column)] =
            matrix.values.span()[static_cast<std::size_t>(i)];
      }
    }
    return result;
  }

  std::string output_ = directory_ / "data.h5";
  std::string input_ = directory_ / "input.txt";
};

}  // namespace kronwerk
