#include "kronwerk/io/files/vector_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "io/files/file_descriptor.hpp"

namespace kronwerk::io {
namespace {

constexpr core::Index width = sizeof(double);

}  // namespace

void write_vector_file(const communication::Communicator& comm, const std::string& file,
                       core::Index size, core::Index offset, std::span<const double> values) {
  communication::on_root(comm, [&] {
    {
      const auto created = FileDescriptor::adopt(
          ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
      if (!created) throw_creation_error(file, errno);
    }
    reserve_space(file, width * size);
  });
  communication::collectively(comm, [&] {
    if (values.empty()) return;
    const auto descriptor = FileDescriptor::open(file, O_RDWR);
    write_at(descriptor, file, width * offset, values.data(), width * std::ssize(values));
    flush_to_disk(descriptor, file);
  });
}

void read_vector_file(const communication::Communicator& comm, const std::string& file,
                      core::Index size, core::Index offset, std::span<double> values) {
  communication::collectively(comm, [&] {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(file, error);
    if (error || !std::cmp_equal(bytes, width * size)) {
      throw core::DataError(
          fmt::format("{}: {}; {} values of a vector were expected", file,
                      error ? error.message() : fmt::format("has {} bytes", bytes), size));
    }
    read_at(FileDescriptor::open(file, O_RDONLY), file, width * offset, values.data(),
            width * std::ssize(values));
  });
}

}  // namespace kronwerk::io
