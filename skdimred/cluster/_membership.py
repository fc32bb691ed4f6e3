class ClusterMembership:
    pass
