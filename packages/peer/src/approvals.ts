/** Approvals at this node: its own wish to become a writer, and the requests of others that its person answers. */
