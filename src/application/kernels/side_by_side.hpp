#pragma once

#include <span>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::application {

/// Vectors side by side, (points of this rank x width) row-major, from and to datasets that hold
/// them one after the other.
class SideBySide {
 public:
  SideBySide(const communication::Communicator& comm, core::Index points, core::Index width)
      : begin_(distribution::BlockPartition(points, comm.size()).begin(comm.rank())),
        count_(distribution::BlockPartition(points, comm.size()).count(comm.rank())),
        points_(points),
        width_(width) {}

  core::Index size() const noexcept { return count_ * width_; }
  /// Of all ranks, and where this rank's values begin among them.
  core::Index size_of_all() const noexcept { return points_ * width_; }
  core::Index offset() const noexcept { return begin_ * width_; }
  core::Index width() const noexcept { return width_; }

  /// @param read  `read(offset, values)` for the values of one vector after the other
  template <typename Read>
  std::vector<double> read(Read&& read) const {
    std::vector<double> values(static_cast<std::size_t>(size()));
    std::vector<double> one(static_cast<std::size_t>(count_));
    for (core::Index c = 0; c < width_; ++c) {
      read(c * points_ + begin_, std::span<double>(one));
      for (core::Index i = 0; i < count_; ++i) {
        values[static_cast<std::size_t>(i * width_ + c)] = one[static_cast<std::size_t>(i)];
      }
    }
    return values;
  }

  /// Collective.
  void write(io::ResultFile& file, const std::string& path, std::span<const double> values) const {
    for (core::Index c = 0; c < width_; ++c) {
      file.write_range(path, c * points_ + begin_, column(values, c));
    }
  }

 private:
  std::vector<double> column(std::span<const double> values, core::Index c) const {
    std::vector<double> one(static_cast<std::size_t>(count_));
    for (core::Index i = 0; i < count_; ++i) {
      one[static_cast<std::size_t>(i)] = values[static_cast<std::size_t>(i * width_ + c)];
    }
    return one;
  }

  core::Index begin_;
  core::Index count_;
  core::Index points_;
  core::Index width_;
};

}  // namespace kronwerk::application
