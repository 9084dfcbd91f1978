#include "kronwerk/communication/shared_array.hpp"

#include <string>

#include "communication/shared_segment.hpp"

namespace kronwerk::communication {

SharedBytes::SharedBytes(const Communicator& comm, std::size_t size) {
  remove_stale_segments_once();
  const Communicator& node = comm.node();
  auto shared_size = static_cast<core::Index>(size);
  node.broadcast(std::span(&shared_size, 1));
  size = static_cast<std::size_t>(shared_size);
  const bool alone = node.size() == 1;
  NamedSegment segment;
  // Nodes of one rank and of several take the same steps: `comm` spans both kinds.
  collectively(comm, [&] {
    if (alone) {
      mapping_ = map_private(size);
    } else if (node.is_root()) {
      segment = create_segment(size);
    }
  });
  const std::string name = node.broadcast(segment.name());
  collectively(comm, [&] {
    if (alone) return;
    mapping_ = node.is_root() ? segment.take_mapping() : open_segment(name, size);
  });
}

SharedBytes SharedBytes::private_memory(std::size_t size) {
  SharedBytes bytes;
  bytes.mapping_ = map_private(size);
  return bytes;
}

}  // namespace kronwerk::communication
