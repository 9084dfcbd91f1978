#include "kronwerk/communication/shared_array.hpp"

#include <string>
#include <utility>
#include <vector>

#include "shared_segment.hpp"

namespace kronwerk::communication {

SharedBytes::SharedBytes(const Communicator& comm, std::size_t size) {
  const Communicator& node = comm.node();
  auto shared_size = static_cast<core::Index>(size);
  node.broadcast(std::span(&shared_size, 1));
  size_ = static_cast<std::size_t>(shared_size);
  Mapping mapping;
  if (node.size() == 1) {
    collectively(comm, [&] { mapping = map_private(size_); });
  } else {
    const std::string name = node.broadcast(node.is_root() ? new_segment_name() : "");
    try {
      collectively(comm, [&] {
        if (node.is_root()) mapping = create_segment(name, size_);
      });
      collectively(comm, [&] {
        if (!node.is_root()) mapping = open_segment(name, size_);
      });
    } catch (...) {
      unmap(mapping);
      if (node.is_root()) unlink_segment(name);
      throw;
    }
    if (node.is_root()) unlink_segment(name);
  }
  data_ = mapping.data;
  mapped_ = mapping.mapped;
}

SharedBytes SharedBytes::private_memory(std::size_t size) {
  SharedBytes bytes;
  const Mapping mapping = map_private(size);
  bytes.data_ = mapping.data;
  bytes.mapped_ = mapping.mapped;
  bytes.size_ = size;
  return bytes;
}

SharedBytes::SharedBytes(SharedBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

SharedBytes& SharedBytes::operator=(SharedBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

SharedBytes::~SharedBytes() {
  Mapping mapping{data_, mapped_};
  unmap(mapping);
}

}  // namespace kronwerk::communication
